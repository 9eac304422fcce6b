// The response object of a run. Its id is that of the run, with another prefix, so nothing has to be stored.

import type { OutputItem, ResponseObject, ResponseStatus } from '../contract/openai-response.ts';
import type { Run } from '../contract/run.ts';
import type { Usage } from '../contract/usage.ts';
import type { ToolItems } from './response-items.ts';
import { ResponseOutput } from './response-output.ts';
import { stepOf, stepTypes } from './run-steps.ts';
import type { DoorServices } from './services.ts';

/** The fields of a response that the request sets. */
export interface ResponseFacts {
  readonly model: string;
  readonly instructions: string | null;
  readonly previousResponseId: string | null;
  readonly background: boolean;
}

export type RunFacts = Pick<
  Run,
  'id' | 'status' | 'createdAt' | 'endedAt' | 'usage' | 'finishReason' | 'error' | 'response'
>;

const prefix = 'resp_';

export function responseIdOf(runId: string): string {
  return prefix + runId.slice(4);
}

/** Undefined if it is not the id of a response. */
export function runIdOf(responseId: string): string | undefined {
  return responseId.startsWith(prefix) ? `run_${responseId.slice(prefix.length)}` : undefined;
}

export function responseObject(
  run: RunFacts,
  { model, instructions, previousResponseId, background }: ResponseFacts,
  output: readonly OutputItem[],
): ResponseObject {
  const { finishReason, error } = run;
  const status = statusOf(run);
  return {
    id: responseIdOf(run.id),
    object: 'response',
    created_at: seconds(run.createdAt),
    completed_at: run.endedAt === null || status !== 'completed' ? null : seconds(run.endedAt),
    status,
    background,
    error: status === 'failed' && error !== null ? { code: error.code, message: error.message } : null,
    incomplete_details: status === 'incomplete' ? { reason: reasonOf(finishReason) } : null,
    instructions,
    max_output_tokens: null,
    metadata: {},
    model,
    output,
    output_text: output.map((item) => (item.type === 'message' ? textOfItem(item) : '')).join(''),
    parallel_tool_calls: true,
    previous_response_id: previousResponseId,
    store: true,
    temperature: null,
    text: { format: { type: 'text' } },
    tool_choice: 'auto',
    tools: [],
    top_p: null,
    truncation: 'auto',
    usage: usageOf(run.usage),
  };
}

function textOfItem({ content }: Extract<OutputItem, { type: 'message' }>): string {
  return content.map(({ text }) => text).join('');
}

const limits: ReadonlySet<string | null> = new Set(['length', 'max_steps', 'token_limit', 'cost_limit']);

function statusOf({ status, finishReason }: RunFacts): ResponseStatus {
  switch (status) {
    case 'queued':
      return 'queued';
    case 'running':
    case 'waiting':
      return 'in_progress';
    case 'completed':
      return limits.has(finishReason) || finishReason === 'content_filter' ? 'incomplete' : 'completed';
    case 'failed':
    case 'interrupted':
      return 'failed';
    case 'cancelled':
      return 'cancelled';
  }
}

function reasonOf(finishReason: string | null): string {
  return finishReason === 'content_filter' ? 'content_filter' : 'max_output_tokens';
}

function usageOf(usage: Usage | null): ResponseObject['usage'] {
  if (usage === null) return null;
  const { inputTokens, outputTokens, totalTokens } = usage;
  return {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: outputTokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: totalTokens,
  };
}

function seconds(time: string): number {
  return Math.floor(Date.parse(time) / 1000);
}

const pageSize = 200;

/** The output of a run, from its events. A run whose events are no longer kept has its answer only. */
export async function readOutput(
  { events }: Pick<DoorServices, 'events'>,
  run: RunFacts,
  form: ToolItems,
): Promise<readonly OutputItem[]> {
  const output = new ResponseOutput(run.id, form);
  let after = 0;
  // A page of long events has fewer of them, so only an empty one is the last.
  for (;;) {
    const page = await events.read({ runId: run.id, types: stepTypes, after, limit: pageSize });
    const last = page.at(-1);
    if (last === undefined) break;
    for (const event of page) {
      const step = stepOf(event);
      if (step !== undefined) output.take(step);
    }
    after = last.sequence;
  }
  if (!output.hasText && run.response !== null && run.response !== '')
    output.take({ kind: 'text_end', text: run.response });
  return output.items;
}
