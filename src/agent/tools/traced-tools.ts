// Spans of tool calls, by OpenTelemetry's conventions for generative AI. Parameters and results are left out unless the
// operator wants content.

import { CodeBuddyError } from '../../base/errors.ts';
import { inSpan } from '../../base/in-span.ts';
import type { Tracing } from '../../base/tracing.ts';
import { textOfOutcome } from './result-text.ts';
import type { ToolBox } from './tool-box.ts';

export function traceTools(tools: ToolBox, tracing: Tracing): ToolBox {
  return {
    ...tools,
    run: (call, options) =>
      inSpan(
        tracing,
        `execute_tool ${call.tool}`,
        () => ({
          attributes: {
            'gen_ai.operation.name': 'execute_tool',
            'gen_ai.tool.name': call.tool,
            'gen_ai.tool.call.id': options.callId,
            'gen_ai.tool.type': 'function',
            'gen_ai.conversation.id': options.sessionId,
            'gen_ai.tool.call.arguments': tracing.hasContent
              ? tracing.redact(JSON.stringify(call.params))
              : undefined,
            'codebuddy.run.id': options.runId,
          },
        }),
        async (span) => {
          const outcome = await tools.run(call, options);
          if (!outcome.ok) {
            const { error } = outcome;
            const code = error instanceof CodeBuddyError ? error.code : 'internal_error';
            span.fail(
              code,
              tracing.hasContent && error instanceof Error ? tracing.redact(error.message) : '',
            );
          }
          if (tracing.hasContent && tracing.isOn)
            span.set({ 'gen_ai.tool.call.result': tracing.redact(textOfOutcome(outcome)) });
          return outcome;
        },
      ),
  };
}
