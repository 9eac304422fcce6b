// The current span of the work that runs now. Without any trace it costs nothing: the storage is created with the first
// span.

import { AsyncLocalStorage } from 'node:async_hooks';
import type { TraceContext } from './trace-context.ts';
import type { Span } from './tracing.ts';

let storage: AsyncLocalStorage<Span | undefined> | undefined;

export function withinScope<T>(span: Span | undefined, work: () => T): T {
  if (storage === undefined) {
    if (span?.context === undefined) return work();
    storage = new AsyncLocalStorage();
  }
  return storage.run(span, work);
}

/**
 * The place of the current span. Work that outlives its span, such as a timer that a request started, belongs to no
 * trace.
 */
export function scopedContext(): TraceContext | undefined {
  const span = storage?.getStore();
  return span === undefined || span.isEnded ? undefined : span.context;
}
