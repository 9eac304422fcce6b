// The span of a model call, by OpenTelemetry's conventions for generative AI (v0.1.0). Each request to a model has one,
// also those that are retried. The headers of a trace are not sent to models: most are services of other companies, which
// need not learn the ids of our traces.

import { inSpan } from '../../base/in-span.ts';
import type { Tracing } from '../../base/tracing.ts';
import { callModel, type ModelAnswer, type ModelCall } from './model-call.ts';

/** The names that the conventions have for providers, where ours differ. */
const providerNames: Readonly<Record<string, string>> = {
  google: 'gcp.gemini',
  xai: 'x_ai',
  mistral: 'mistral_ai',
};

/** `id`: `provider/name`. */
export function callModelTraced(tracing: Tracing, id: string, call: ModelCall): Promise<ModelAnswer> {
  if (!tracing.isOn) return callModel(call);
  const slash = id.indexOf('/');
  const provider = id.slice(0, slash);
  const name = id.slice(slash + 1);
  return inSpan(
    tracing,
    `chat ${name}`,
    () => ({
      kind: 'client',
      attributes: {
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': providerNames[provider] ?? provider,
        'gen_ai.request.model': name,
        'gen_ai.request.stream': true,
        'gen_ai.input.messages': tracing.hasContent
          ? tracing.redact(JSON.stringify(call.options.prompt))
          : undefined,
      },
    }),
    async (span) => {
      const startedAt = performance.now();
      let firstAt: number | undefined;
      const answer = await callModel({
        ...call,
        onText(text, part) {
          firstAt ??= performance.now();
          call.onText(text, part);
        },
      });
      const { usage } = answer;
      span.set({
        'gen_ai.response.finish_reasons': [answer.finishReason],
        'gen_ai.response.time_to_first_chunk':
          firstAt === undefined ? undefined : Math.round(firstAt - startedAt) / 1000,
        'gen_ai.usage.input_tokens': usage.inputTokens,
        'gen_ai.usage.output_tokens': usage.outputTokens,
        'gen_ai.usage.cache_read.input_tokens': usage.cacheReadTokens || undefined,
        'gen_ai.usage.cache_write.input_tokens': usage.cacheWriteTokens || undefined,
        'gen_ai.output.messages': tracing.hasContent
          ? tracing.redact(JSON.stringify([{ role: 'assistant', parts: answer.parts }]))
          : undefined,
      });
      return answer;
    },
  );
}
