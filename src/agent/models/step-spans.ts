// The spans of the steps of a run: a call of the model, and the tools that its answer asks for.

import { errorType } from '../../base/in-span.ts';
import { noSpan } from '../../base/trace-spans.ts';
import type { Span, Tracing } from '../../base/tracing.ts';

export interface StepSpans {
  /** Ends the step before. */
  begin(step: number): void;
  /** Runs a part of the current step. */
  within<T>(work: () => T): T;
  end(): void;
  fail(error: unknown): void;
}

export function createStepSpans(tracing: Tracing): StepSpans {
  let current: Span = noSpan;
  return {
    begin(step) {
      current.end();
      if (tracing.isOn) current = tracing.start(`step ${step}`, { attributes: { 'codebuddy.step': step } });
    },
    within: (work) => (tracing.isOn ? tracing.within(current, work) : work()),
    end: () => current.end(),
    fail: (error) => current.fail(errorType(error)),
  };
}
