// Tracing without spans: the trace of a request is passed on, so that a server without tracing does not cut the traces of
// others.

import { scopedContext, withinScope } from './trace-scope.ts';
import { contextSpan, noSpan } from './trace-spans.ts';
import type { Tracing } from './tracing.ts';

export const passiveTracing: Tracing = {
  isOn: false,
  hasContent: false,
  start(_name, { parent } = {}) {
    const context = parent === undefined ? scopedContext() : (parent ?? undefined);
    return context === undefined ? noSpan : contextSpan(context);
  },
  startRequest: (_name, incoming) => (incoming === undefined ? undefined : contextSpan(incoming)),
  within: withinScope,
  current: scopedContext,
  redact: (text) => text,
  close: async () => undefined,
};
