// The `fetch` that all model providers share. Its connections are opened at the first call and closed with the agent.
// It reports every byte of a response, since provider packages hide comments, pings and incomplete lines.

import type { Dispatcher } from 'undici';
import { type Fetch, fetchThrough, openDispatcher, type Proxies } from '../outbound-http.ts';

export interface ModelHttp {
  readonly fetch: Fetch;
  /** Closes all connections. */
  close(): Promise<void>;
}

const listeners = new WeakMap<AbortSignal, () => void>();

/** Calls `onBytes` whenever bytes arrive for a request made with this signal. */
export function listenForBytes(signal: AbortSignal, onBytes: () => void): void {
  listeners.set(signal, onBytes);
}

export function createModelHttp(proxies: Proxies): ModelHttp {
  let opening: Promise<Dispatcher> | undefined;
  return {
    async fetch(target, init) {
      opening ??= openDispatcher(proxies);
      const dispatcher = await opening;
      const onBytes = init?.signal == null ? undefined : listeners.get(init.signal);
      return fetchThrough(onBytes === undefined ? dispatcher : tap(dispatcher, onBytes), target, init);
    },
    async close() {
      await (await opening)?.destroy();
    },
  };
}

/** Taps the connection: wrapping the body in a stream would cost more than everything else a delta passes. */
function tap(dispatcher: Dispatcher, onBytes: () => void): Dispatcher {
  return dispatcher.compose((dispatch) => (options, handler) => {
    const tapped: Dispatcher.DispatchHandler = {
      onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
      onRequestUpgrade: (controller, status, headers, socket) =>
        handler.onRequestUpgrade?.(controller, status, headers, socket),
      onResponseStart(controller, status, headers, message) {
        onBytes();
        return handler.onResponseStart?.(controller, status, headers, message);
      },
      onResponseData(controller, chunk) {
        onBytes();
        return handler.onResponseData?.(controller, chunk);
      },
      onResponseEnd: (controller, trailers) => handler.onResponseEnd?.(controller, trailers),
      onResponseError: (controller, error) => handler.onResponseError?.(controller, error),
    };
    return dispatch(options, tapped);
  });
}
