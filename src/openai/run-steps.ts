// What happens in a run, in the order in which clients show it: text, tools, permissions, and the end. Read from the
// event log, live or later.

import { CodeBuddyError } from '../base/errors.ts';
import type { LoggedEvent } from '../contract/event.ts';
import type { EventType } from '../contract/event-types.ts';
import type { Usage } from '../contract/usage.ts';
import type { DoorServices, RunItem } from './services.ts';

export type RunStep =
  | { readonly kind: 'text'; readonly text: string }
  /** The end of a text, before a tool or at the end of the run. */
  | { readonly kind: 'text_end'; readonly text: string }
  | {
      readonly kind: 'tool_start';
      readonly callId: string;
      readonly tool: string;
      readonly params: unknown;
      readonly event: LoggedEvent;
    }
  | {
      readonly kind: 'tool_end';
      readonly callId: string;
      readonly output: string;
      readonly isError: boolean;
      readonly event: LoggedEvent;
    }
  | {
      readonly kind: 'question';
      readonly permissionId: string;
      readonly tool: string;
      readonly event: LoggedEvent;
    }
  | {
      readonly kind: 'asked';
      readonly questionId: string;
      readonly question: string;
      readonly event: LoggedEvent;
    }
  | { readonly kind: 'answered'; readonly event: LoggedEvent }
  | { readonly kind: 'end'; readonly end: RunEnd };

export type RunEnd =
  | {
      readonly kind: 'complete';
      readonly response: string;
      readonly usage: Usage | null;
      readonly finishReason: string;
    }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  | { readonly kind: 'cancelled'; readonly reason: string };

/** The event types that `stepOf` reads. */
export const stepTypes = [
  'message.assistant',
  'tool.start',
  'tool.complete',
  'tool.error',
  'permission.request',
  'permission.resolved',
  'question.asked',
  'question.answered',
  'question.expired',
  'run.complete',
  'run.failed',
  'run.cancelled',
] as const satisfies readonly EventType[];

/** Follows a run to its end, or until the signal aborts. @throws CodeBuddyError if the reader has lost text */
export async function* followSteps(
  { events }: Pick<DoorServices, 'events'>,
  { runId, after, signal }: { readonly runId: string; readonly after: number; readonly signal: AbortSignal },
): AsyncGenerator<readonly RunStep[], void, undefined> {
  const text = new StreamedText();
  for await (const batch of events.subscribeInBatches({ runId, after, deltas: true, signal })) {
    const steps = batch.flatMap((item) => stepsOf(item, text));
    if (steps.length > 0) yield steps;
    if (steps.at(-1)?.kind === 'end') return;
  }
}

/** The steps of one item of the log. */
function stepsOf(item: RunItem, text: StreamedText): readonly RunStep[] {
  if (item.kind === 'gap') return [];
  if (item.kind === 'delta') {
    if (item.delta.type !== 'message.delta' || !('text' in item.delta.data)) return [];
    return [text.add(item.delta.data.text)];
  }
  const step = stepOf(item.event);
  if (step === undefined) return [];
  return step.kind === 'text_end' ? [...text.end(step.text), step] : [step];
}

/** The step of a logged event; undefined if clients need not know of it. */
export function stepOf(event: LoggedEvent): RunStep | undefined {
  if (is(event, 'message.assistant')) return { kind: 'text_end', text: event.data.text };
  if (is(event, 'tool.start')) {
    const { callId, tool, params } = event.data;
    return { kind: 'tool_start', callId, tool, params, event };
  }
  if (is(event, 'tool.complete')) {
    const { callId, result } = event.data;
    return { kind: 'tool_end', callId, output: asText(result), isError: false, event };
  }
  if (is(event, 'tool.error')) {
    const { callId, message } = event.data;
    return { kind: 'tool_end', callId, output: message, isError: true, event };
  }
  if (is(event, 'permission.request')) {
    const { permissionId, tool } = event.data;
    return { kind: 'question', permissionId, tool, event };
  }
  if (is(event, 'permission.resolved')) return { kind: 'answered', event };
  if (is(event, 'question.asked')) {
    const { questionId, question } = event.data;
    return { kind: 'asked', questionId, question, event };
  }
  if (is(event, 'question.answered') || is(event, 'question.expired')) return { kind: 'answered', event };
  if (is(event, 'run.complete')) {
    const { response, usage, finishReason } = event.data;
    return { kind: 'end', end: { kind: 'complete', response, usage, finishReason } };
  }
  if (is(event, 'run.failed')) {
    const { code, message } = event.data;
    return { kind: 'end', end: { kind: 'failed', code, message } };
  }
  if (is(event, 'run.cancelled'))
    return { kind: 'end', end: { kind: 'cancelled', reason: event.data.reason } };
  return undefined;
}

function is<T extends EventType>(event: LoggedEvent, type: T): event is LoggedEvent<T> {
  return event.type === type;
}

/** The text that a model reads as the result of a tool. */
function asText(result: unknown): string {
  return typeof result === 'string' ? result : (JSON.stringify(result) ?? '');
}

/** The part of a text that was streamed. The log may drop deltas of a slow reader, but has the whole text. */
class StreamedText {
  private sent = '';

  add(text: string): RunStep {
    this.sent += text;
    return { kind: 'text', text };
  }

  /** The rest of the text. @throws CodeBuddyError if something before it is missing */
  end(whole: string): readonly RunStep[] {
    const { sent } = this;
    this.sent = '';
    if (sent.includes(whole)) return [];
    if (whole.startsWith(sent)) return [{ kind: 'text', text: whole.slice(sent.length) }];
    throw new CodeBuddyError(
      'internal_error',
      'The client was too slow, and a part of the answer is lost. The session has the whole answer.',
    );
  }
}
