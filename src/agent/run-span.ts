// The span of a run, by OpenTelemetry's conventions for generative AI: the invocation of an agent. It begins when the run
// begins to work, in the trace of the request that started it.

import { errorType } from '../base/in-span.ts';
import type { Span, Tracing } from '../base/tracing.ts';
import type { DriverResult } from './driver.ts';
import type { LiveRun } from './live-run.ts';

export function startRunSpan(tracing: Tracing, live: LiveRun, now: number): Span {
  if (!tracing.isOn) return tracing.start('', { parent: live.trace ?? null });
  const { record, request, sessionId, id } = live;
  return tracing.start('invoke_agent', {
    parent: live.trace ?? null,
    attributes: {
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.conversation.id': sessionId,
      'gen_ai.request.model': record.model ?? undefined,
      'codebuddy.run.id': id,
      'codebuddy.run.resumed': live.isResumed || undefined,
      'codebuddy.run.queued_ms': Math.max(now - Date.parse(record.createdAt), 0),
      'codebuddy.key.id': request.keyId ?? undefined,
    },
  });
}

export function nameRunSpan(span: Span, agent: string): void {
  span.rename(`invoke_agent ${agent}`);
  span.set({ 'gen_ai.agent.name': agent });
}

/** Call it when the run has ended. `cause`: what ended a run that did not complete. */
export function endRunSpan(
  { isOn, hasContent, redact }: Tracing,
  span: Span,
  live: LiveRun,
  { result, cause }: { readonly result?: DriverResult; readonly cause?: unknown },
): void {
  if (isOn) {
    const { status, model, usage, cost, finishReason, error } = live.record;
    span.set({
      'gen_ai.response.model': model ?? undefined,
      'gen_ai.usage.input_tokens': usage?.inputTokens,
      'gen_ai.usage.output_tokens': usage?.outputTokens,
      'gen_ai.response.finish_reasons': finishReason === null ? undefined : [finishReason],
      'gen_ai.output.messages':
        hasContent && result !== undefined
          ? redact(
              JSON.stringify([{ role: 'assistant', parts: [{ type: 'text', content: result.response }] }]),
            )
          : undefined,
      'codebuddy.run.status': status,
      'codebuddy.run.cost_usd': cost ?? undefined,
    });
    // A person or a caller cancels a run; that is no error.
    if (status === 'failed' || status === 'interrupted')
      span.fail(error?.code ?? errorType(cause), redact(error?.message ?? ''));
  }
  span.end();
}
