// The one `fetch` that all providers of models share: its connections are opened at the first call and ended with the agent. It tells
// whoever waits for an answer of each byte that comes, since the packages of providers keep comments, pings and half lines to themselves.

import type { Dispatcher } from 'undici';
import { type Fetch, fetchThrough, openDispatcher, type Proxies } from '../outbound-http.ts';

export interface ModelHttp {
  readonly fetch: Fetch;
  /** Ends all connections. */
  close(): Promise<void>;
}

const listeners = new WeakMap<AbortSignal, () => void>();

/** Calls `onLife` whenever something of the answer arrives of a request that is made with this signal. */
export function listenForLife(signal: AbortSignal, onLife: () => void): void {
  listeners.set(signal, onLife);
}

export function createModelHttp(proxies: Proxies): ModelHttp {
  let opening: Promise<Dispatcher> | undefined;
  return {
    async fetch(target, init) {
      opening ??= openDispatcher(proxies);
      const dispatcher = await opening;
      const onLife = init?.signal == null ? undefined : listeners.get(init.signal);
      return fetchThrough(onLife === undefined ? dispatcher : tap(dispatcher, onLife), target, init);
    },
    async close() {
      await (await opening)?.destroy();
    },
  };
}

/** At the connection: a stream in front of the body would cost more than all else on the way of a delta. */
function tap(dispatcher: Dispatcher, onLife: () => void): Dispatcher {
  return dispatcher.compose((dispatch) => (options, handler) => {
    const tapped: Dispatcher.DispatchHandler = {
      onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
      onRequestUpgrade: (controller, status, headers, socket) =>
        handler.onRequestUpgrade?.(controller, status, headers, socket),
      onResponseStart(controller, status, headers, message) {
        onLife();
        return handler.onResponseStart?.(controller, status, headers, message);
      },
      onResponseData(controller, chunk) {
        onLife();
        return handler.onResponseData?.(controller, chunk);
      },
      onResponseEnd: (controller, trailers) => handler.onResponseEnd?.(controller, trailers),
      onResponseError: (controller, error) => handler.onResponseError?.(controller, error),
    };
    return dispatch(options, tapped);
  });
}
