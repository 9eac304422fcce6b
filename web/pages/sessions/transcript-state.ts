// The state of a transcript: the messages that are loaded, how runs ended, and the calls and text of active runs.
// Events and loaded pages change it.

import type { LoggedEvent, Message, StreamEvent } from '../../../src/client/web.ts';

/** A tool call that has not ended. */
export interface OpenCall {
  readonly callId: string;
  readonly runId: string | undefined;
  readonly tool: string;
  readonly params: unknown;
  readonly startedAt: string;
  readonly output: string;
}

export type RunEnd = Extract<StreamEvent, { readonly type: 'run.complete' | 'run.failed' | 'run.cancelled' }>;

export interface TranscriptState {
  /** Oldest first. Undefined until the first page is loaded. */
  messages: readonly Message[] | undefined;
  /** How each run ended, by its id. */
  ends: ReadonlyMap<string, RunEnd>;
  openCalls: readonly OpenCall[];
  /** The answer that streams. */
  text: string;
  /** The reasoning that streams. */
  reasoning: string;
  /** False if the beginning of `text` and `reasoning` was sent before this page listened. */
  isTextWhole: boolean;
  /** True if a stored message has more reasoning than this page received. */
  lacksReasoning: boolean;
  /** Of the messages before the first one; null if there are none. */
  cursor: string | null;
}

/** Characters kept of the output of a running tool. */
const keptOutput = 20_000;

export function emptyState(): TranscriptState {
  return {
    messages: undefined,
    ends: new Map(),
    openCalls: [],
    text: '',
    reasoning: '',
    isTextWhole: false,
    lacksReasoning: false,
    cursor: null,
  };
}

/** Adds a page of messages before those that are there. `page` is oldest first. */
export function addOlder(state: TranscriptState, page: readonly Message[], cursor: string | null): void {
  const known = new Set(state.messages?.map(({ id }) => id));
  state.messages = [...page.filter(({ id }) => !known.has(id)), ...(state.messages ?? [])];
  state.cursor = cursor;
}

/**
 * Puts the newest page in place of what is known of it. `before`: the messages that were there when it was asked for.
 * Those without an id of the server are in the page by now.
 */
export function addNewest(
  state: TranscriptState,
  page: readonly Message[],
  cursor: string | null,
  before: readonly Message[] = [],
): void {
  const inPage = new Set(page.map(({ id }) => id));
  const [first] = page;
  const isJoined = first === undefined || before.some(({ id }) => inPage.has(id)) || cursor === null;
  const wasThere = new Set(before.map(({ id }) => id));
  const known = state.messages ?? [];
  const older =
    isJoined && first !== undefined ? known.filter((one) => isStored(one) && one.id < first.id) : [];
  const newer = known.filter((one) => !inPage.has(one.id) && !wasThere.has(one.id));
  state.messages = [...older, ...page, ...newer];
  // The page may have a message whose event comes later: what streamed of it must not be shown twice.
  const answers = page.filter(({ id, role }) => role === 'assistant' && !known.some((one) => one.id === id));
  if (answers.some(({ content }) => content.endsWith(state.text))) state.text = '';
  if (answers.some(({ reasoning }) => reasoning?.endsWith(state.reasoning))) state.reasoning = '';
  if (!isJoined || older.length === 0) state.cursor = cursor;
}

/** Takes the newest events of the session, from the first load: calls that run, and how runs ended. */
export function addPast(state: TranscriptState, events: readonly LoggedEvent[]): void {
  const ends = new Map(state.ends);
  const ended = new Set<string>();
  const started: OpenCall[] = [];
  for (const event of events.toSorted((a, b) => b.sequence - a.sequence)) {
    if (isRunEnd(event)) {
      if (event.runId !== undefined && !ends.has(event.runId)) ends.set(event.runId, event);
    } else if (event.type === 'tool.complete' || event.type === 'tool.error') {
      ended.add((event.data as { readonly callId: string }).callId);
    } else if (event.type === 'tool.start') {
      const { callId, tool, params } = event.data as { callId: string; tool: string; params: unknown };
      const isKnown = ended.has(callId) || state.openCalls.some((call) => call.callId === callId);
      if (!isKnown && (event.runId === undefined || !ends.has(event.runId)))
        started.unshift({ callId, runId: event.runId, tool, params, startedAt: event.timestamp, output: '' });
    }
  }
  state.ends = ends;
  state.openCalls = [...started, ...state.openCalls];
}

/** True if the transcript has changed. */
export function apply(state: TranscriptState, event: StreamEvent): boolean {
  switch (event.type) {
    case 'message.delta':
      state.text += event.data.text;
      return true;
    case 'reasoning.delta':
      state.reasoning += event.data.text;
      return true;
    case 'message.user':
      // It may wait for its turn, so it does not end the answer that streams.
      if (state.text === '' && state.reasoning === '') goOn(state, event);
      add(state, event, {
        id: event.data.messageId,
        role: 'user',
        content: event.data.text,
        ...(event.data.parts === undefined ? {} : { parts: event.data.parts }),
      });
      return true;
    case 'message.assistant': {
      const { messageId, text, incomplete } = event.data;
      add(state, event, {
        id: messageId,
        role: 'assistant',
        content: text,
        ...takeReasoning(state),
        ...(incomplete ? { incomplete } : {}),
      });
      goOn(state, event);
      state.text = '';
      return true;
    }
    case 'tool.start': {
      const { callId, tool, params } = event.data;
      // A step that only reasoned has a message, too, without an event.
      const reasoned = takeReasoning(state);
      if (reasoned.reasoning !== undefined)
        add(state, event, { id: `${unstored}${event.id}`, role: 'assistant', content: '', ...reasoned });
      goOn(state, event);
      const call = { callId, runId: event.runId, tool, params, startedAt: event.timestamp ?? '', output: '' };
      state.openCalls = [...state.openCalls, call];
      return true;
    }
    case 'tool.output': {
      const { callId, text } = event.data;
      state.openCalls = state.openCalls.map((call) =>
        call.callId === callId ? { ...call, output: `${call.output}${text}`.slice(-keptOutput) } : call,
      );
      return true;
    }
    case 'tool.complete':
    case 'tool.error': {
      const { callId, tool, durationMs, messageId } = event.data;
      const call = state.openCalls.find((open) => open.callId === callId);
      goOn(state, event);
      state.openCalls = state.openCalls.filter((open) => open.callId !== callId);
      const isError = event.type === 'tool.error';
      add(state, event, {
        id: messageId ?? `${unstored}${event.id}`,
        role: 'tool',
        content: event.type === 'tool.error' ? event.data.message : textOf(event.data.result),
        tool: { name: tool, params: call?.params ?? {}, isError, callId, durationMs },
      });
      return true;
    }
    case 'run.complete':
    case 'run.failed':
    case 'run.cancelled': {
      const { runId } = event;
      if (runId !== undefined) state.ends = new Map([...state.ends, [runId, event]]);
      state.openCalls = state.openCalls.filter((call) => call.runId !== runId);
      state.text = '';
      state.reasoning = '';
      return true;
    }
    default:
      return false;
  }
}

function takeReasoning(state: TranscriptState): Pick<Message, 'reasoning'> {
  const { reasoning, isTextWhole } = state;
  state.reasoning = '';
  if (!isTextWhole) state.lacksReasoning = true;
  if (reasoning === '') return {};
  return { reasoning: isTextWhole ? reasoning : `… ${reasoning}` };
}

/** A run that was resumed has not ended. What comes now is whole. */
function goOn(state: TranscriptState, { runId }: StreamEvent): void {
  state.isTextWhole = true;
  if (runId === undefined || !state.ends.has(runId)) return;
  const ends = new Map(state.ends);
  ends.delete(runId);
  state.ends = ends;
}

type NewMessage = Pick<Message, 'id' | 'role' | 'content'> & Partial<Message>;

function add(state: TranscriptState, event: StreamEvent, message: NewMessage): void {
  const { runId, sessionId, timestamp } = event;
  if (state.messages?.some(({ id }) => id === message.id)) return;
  const whole: Message = {
    sessionId: sessionId ?? '',
    runId: runId ?? null,
    createdAt: timestamp ?? '',
    ...message,
  };
  state.messages = [...(state.messages ?? []), whole];
}

/** Begins the id of a message of which only the event is known. */
const unstored = 'live_';

export function isStored({ id }: Message): boolean {
  return !id.startsWith(unstored);
}

function isRunEnd(event: LoggedEvent | RunEnd): event is RunEnd & LoggedEvent {
  return event.type === 'run.complete' || event.type === 'run.failed' || event.type === 'run.cancelled';
}

function textOf(result: unknown): string {
  return typeof result === 'string' ? result : (JSON.stringify(result, null, 2) ?? '');
}
