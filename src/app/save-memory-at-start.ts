// Saves memory while `codebuddy serve` starts. Its work is done once: optimized code for it, with the parts of V8 that
// compile it, takes more memory than it saves time, and its garbage would stay until the process is idle for a while.

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { saveMemory } from './limit-heap.ts';

export interface SaveMemoryOptions {
  /** In ms. @default 2000, when the background work of a start is over unless the workspace is large */
  readonly atMostMs?: number;
}

/** Ends with the first request other than `GET /health`, with the first delivery or model call, or after `atMostMs`. */
export function saveMemoryAtStart({ atMostMs = 2000 }: SaveMemoryOptions = {}): void {
  const restore = saveMemory();
  const end = (): void => {
    clearTimeout(timer);
    unsubscribe('http.server.request.start', onRequest);
    unsubscribe('undici:request:create', end);
    restore();
  };
  const onRequest = (message: unknown): void => {
    if (!isHealthCheck(message)) end();
  };
  const timer = setTimeout(end, atMostMs);
  timer.unref();
  subscribe('http.server.request.start', onRequest);
  subscribe('undici:request:create', end);
}

function isHealthCheck(message: unknown): boolean {
  const { request } = message as { readonly request: { readonly url?: string } };
  return request.url === '/health';
}
