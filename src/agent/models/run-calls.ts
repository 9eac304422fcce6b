// Runs the tool calls of one step in their order; consecutive calls that only read run at the same time.

import { CodeBuddyError } from '../../base/errors.ts';
import { sendable, shorten } from '../../base/text.ts';
import type { ToolDescription } from '../../contract/tool.ts';
import type { DriverContext, EncodeOutcome, KeptOutcome } from '../driver.ts';
import type { ImageRef } from '../transcript.ts';
import type { RequestedCall } from './model-call.ts';
import { createResultBudget, type ResultBudget } from './result-budget.ts';

/** Limit of concurrent calls that only read. */
const parallelCalls = 8;

/** `text`: as the session keeps it and the model reads it. */
export interface CallOutcome {
  readonly isError: boolean;
  readonly text: string;
  readonly isMalformed: boolean;
  readonly images?: readonly ImageRef[];
}

export interface StepOptions {
  readonly context: DriverContext;
  readonly byName: ReadonlyMap<string, ToolDescription>;
  /** Tokens that the model can read. */
  readonly window: number;
  /** True if the output limit ended the answer: the last call may be incomplete. */
  readonly isCut: boolean;
  /** Called when a call begins to wait for approval. */
  readonly onWait: () => void;
  /** Whether the model sees images that a tool reads. */
  readonly sees: boolean;
}

export async function runCalls(
  calls: readonly RequestedCall[],
  options: StepOptions,
): Promise<readonly CallOutcome[]> {
  const { byName, window } = options;
  const budget = createResultBudget(window, calls.length);
  const outcomes: CallOutcome[] = [];
  for (let at = 0; at < calls.length; ) {
    let end = at;
    while (
      end < calls.length &&
      end - at < parallelCalls &&
      byName.get((calls[end] as RequestedCall).tool)?.readOnly
    )
      end++;
    const group = calls.slice(at, Math.max(end, at + 1));
    outcomes.push(
      ...(await Promise.all(group.map((call) => runCall(call, options, budget, group.length > 1)))),
    );
    at += group.length;
  }
  return outcomes;
}

async function runCall(
  { tool, input, callId }: RequestedCall,
  { context, byName, isCut, onWait, sees }: StepOptions,
  budget: ResultBudget,
  isOneOfSeveral: boolean,
): Promise<CallOutcome> {
  const encode: EncodeOutcome = (outcome) => budget.take(tool, outcome);
  const refuse = async (reason: string): Promise<CallOutcome> =>
    toCallOutcome(await context.refuseTool({ tool, input, callId, reason, encode }));
  if (!byName.has(tool))
    return refuse(
      `Tool ${JSON.stringify(shorten(sendable(tool), 100))} not found; the tools are ${[...byName.keys()].join(', ')}.`,
    );
  const params = parseInput(input);
  if (params === undefined && isCut)
    return refuse(
      `The output limit cut the call of ${tool} off in the middle, so it was not run. Write it in smaller pieces, with several calls.`,
    );
  if (params === undefined)
    return refuse(
      `The parameters of ${tool} must be a JSON object; these are not: ${JSON.stringify(shorten(sendable(input), 200))}.`,
    );
  return toCallOutcome(
    await context.useTool({
      tool,
      params,
      callId,
      asks: true,
      isOneOfSeveral,
      keepLater: true,
      onWait,
      sees,
      encode,
    }),
  );
}

function toCallOutcome(outcome: KeptOutcome): CallOutcome {
  const code = !outcome.ok && outcome.error instanceof CodeBuddyError ? outcome.error.code : undefined;
  return {
    isError: !outcome.ok,
    text: outcome.text,
    isMalformed: code === 'validation_failed' || code === 'tool_not_found',
    ...(outcome.images === undefined ? {} : { images: outcome.images }),
  };
}

function parseInput(input: string): Record<string, unknown> | undefined {
  // Some models send nothing for a tool without parameters.
  if (input.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(input);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    // The result of the call reports it.
    return undefined;
  }
}
