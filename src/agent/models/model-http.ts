// The one `fetch` that all providers of models share: its connections are opened at the first call and ended with the agent.

import type { Dispatcher } from 'undici';
import { type Fetch, fetchThrough, openDispatcher, type Proxies } from '../outbound-http.ts';

export interface ModelHttp {
  readonly fetch: Fetch;
  /** Ends all connections. */
  close(): Promise<void>;
}

export function createModelHttp(proxies: Proxies): ModelHttp {
  let opening: Promise<Dispatcher> | undefined;
  return {
    async fetch(target, init) {
      opening ??= openDispatcher(proxies);
      return fetchThrough(await opening, target, init);
    },
    async close() {
      await (await opening)?.destroy();
    },
  };
}
