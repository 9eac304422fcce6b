// The tool calls of one step: in their order, those that only read at the same time.

import { CodeBuddyError } from '../../base/errors.ts';
import { sendable, shorten } from '../../base/text.ts';
import type { ToolDescription } from '../../contract/tool.ts';
import type { DriverContext } from '../driver.ts';
import type { RequestedCall } from './model-call.ts';
import { createResultBudget, type ResultBudget } from './result-budget.ts';

/** Calls of one step that run at the same time, if all of them only read. */
const parallelCalls = 8;

/** `text` is what the session keeps, and the model reads. */
export interface CallOutcome {
  readonly isError: boolean;
  readonly text: string;
  readonly isMalformed: boolean;
}

export interface StepOptions {
  readonly context: DriverContext;
  readonly byName: ReadonlyMap<string, ToolDescription>;
  /** Tokens that the model can read. */
  readonly window: number;
  /** The output limit ended the answer: the last call may lack its end. */
  readonly isCut: boolean;
  /** Called when a call begins to wait for a person. */
  readonly onWait: () => void;
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
    outcomes.push(...(await Promise.all(group.map((call) => runCall(call, options, budget)))));
    at += group.length;
  }
  return outcomes;
}

async function runCall(
  { tool, input, callId }: RequestedCall,
  { context, byName, isCut, onWait }: StepOptions,
  budget: ResultBudget,
): Promise<CallOutcome> {
  const refuse = async (words: string): Promise<CallOutcome> => {
    const error = new CodeBuddyError('validation_failed', words);
    const message = budget.take(tool, { ok: false, error });
    await context.refuseTool({ tool, input, callId, message });
    return { isError: true, text: message, isMalformed: true };
  };
  if (!byName.has(tool))
    return refuse(
      `There is no tool ${JSON.stringify(shorten(sendable(tool), 100))}; there are ${[...byName.keys()].join(', ')}.`,
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
  let text: string | undefined;
  try {
    await context.useTool({
      tool,
      params,
      callId,
      asks: true,
      onWait,
      textOf: (outcome) => (text ??= budget.take(tool, outcome)),
    });
    return { isError: false, text: text ?? '', isMalformed: false };
  } catch (error) {
    if (!(error instanceof CodeBuddyError) || context.signal.aborted) throw error;
    const isMalformed = error.code === 'validation_failed' || error.code === 'tool_not_found';
    return { isError: true, text: text ?? error.message, isMalformed };
  }
}

function parseInput(input: string): Record<string, unknown> | undefined {
  // A tool without parameters: some models send nothing.
  if (input.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(input);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    // Told to the model in words.
    return undefined;
  }
}
