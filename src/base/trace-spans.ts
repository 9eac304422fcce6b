// Spans that are not recorded.

import type { TraceContext } from './trace-context.ts';
import type { Span } from './tracing.ts';

const nothing = (): void => undefined;

/** Outside of any trace. */
export const noSpan: Span = {
  context: undefined,
  isEnded: false,
  set: nothing,
  rename: nothing,
  event: nothing,
  fail: nothing,
  end: nothing,
};

/** Passes a trace of others on. */
export function contextSpan(context: TraceContext): Span {
  let isEnded = false;
  return {
    ...noSpan,
    context,
    get isEnded() {
      return isEnded;
    },
    end() {
      isEnded = true;
    },
  };
}
