// Saves memory while `codebuddy serve` starts. The work of a start is done once: its garbage would stay until V8 finds
// the process idle for eight seconds, and optimized code for it, with the compilers that make it, takes more memory
// than it saves time.

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { saveMemory } from './limit-heap.ts';

/** The work in the background that begins with a start is over by then, unless the workspace is large. In ms. */
const startMs = 2000;

/** Ends with the first request, the first delivery or model call, or after two seconds. */
export function saveMemoryAtStart(): void {
  const restore = saveMemory();
  const end = (): void => {
    clearTimeout(timer);
    unsubscribe('http.server.request.start', onRequest);
    unsubscribe('undici:request:create', end);
    restore();
  };
  const onRequest = (message: unknown): void => {
    // A probe repeats it, and it needs no speed.
    if (!isHealthCheck(message)) end();
  };
  const timer = setTimeout(end, startMs);
  timer.unref();
  subscribe('http.server.request.start', onRequest);
  subscribe('undici:request:create', end);
}

function isHealthCheck(message: unknown): boolean {
  const { request } = message as { readonly request: { readonly url?: string } };
  return request.url === '/health';
}
