// Decides which traces are recorded.

import { sampledFlag, type TraceContext } from '../base/trace-context.ts';
import type { TraceSampler } from '../contract/trace-sampler.ts';

/** Whether a span is recorded. `parent`: the span that it belongs to, of this process or of the caller. */
export type Sampler = (traceId: string, parent: TraceContext | undefined) => boolean;

/** `ratio`: the share of traces that `traceidratio` records, from 0 to 1. */
export function makeSampler(name: TraceSampler, ratio: number): Sampler {
  const base = name.replace('parentbased_', '');
  const root = (traceId: string): boolean =>
    base === 'always_on' || (base === 'traceidratio' && isWithin(traceId, ratio));
  if (base === name) return root;
  return (traceId, parent) => (parent === undefined ? root(traceId) : (parent.flags & sampledFlag) === 1);
}

/** Decides by the last 12 digits of the id, which are random: every node decides the same. */
function isWithin(traceId: string, ratio: number): boolean {
  return Number.parseInt(traceId.slice(-12), 16) < ratio * 2 ** 48;
}
