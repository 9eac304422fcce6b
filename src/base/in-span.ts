// Spans for pieces of work.

import { noSpan } from './trace-spans.ts';
import type { Span, SpanOptions, Tracing } from './tracing.ts';

/**
 * Runs `work` in a span that ends with it, and fails if it does. `options` is called only if spans are recorded.
 */
export async function inSpan<T>(
  tracing: Tracing,
  name: string,
  options: () => SpanOptions,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  if (!tracing.isOn) return work(noSpan);
  const span = tracing.start(name, options());
  try {
    return await tracing.within(span, () => work(span));
  } catch (error) {
    span.fail(errorType(error), error instanceof Error ? error.message : undefined);
    throw error;
  } finally {
    span.end();
  }
}

/** The value of `error.type`: the code of a problem, or the class of the error. */
export function errorType(error: unknown): string {
  if (!(error instanceof Error)) return '_OTHER';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
