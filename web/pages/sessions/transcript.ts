// The transcript of a session: its messages, newest page first, and what happens now. Events keep it current: a message
// is added when it is logged, and text that streams is shown until then.

import { useEffect, useReducer, useRef } from 'preact/hooks';
import type { Message, StreamEvent } from '../../../src/client/web.ts';
import { gaps, listen } from '../../app/live.ts';
import { client } from '../../app/sign-in.ts';

/** A tool call that has not ended. */
export interface OpenCall {
  readonly callId: string;
  readonly tool: string;
  readonly params: unknown;
  readonly startedAt: string;
  readonly output: string;
}

export interface Transcript {
  /** Oldest first. Undefined until the first page is loaded. */
  readonly messages: readonly Message[] | undefined;
  /** How each run ended, by its id. */
  readonly ends: ReadonlyMap<string, RunEnd>;
  readonly openCalls: readonly OpenCall[];
  /** The answer that streams. */
  readonly text: string;
  readonly hasOlder: boolean;
  readonly error: unknown;
  loadOlder(): void;
  reload(): void;
}

export type RunEnd = Extract<StreamEvent, { readonly type: 'run.complete' | 'run.failed' | 'run.cancelled' }>;

const firstPage = 80;
/** Of the output of a tool that runs. */
const keptOutput = 20_000;

interface State {
  messages: readonly Message[] | undefined;
  ends: Map<string, RunEnd>;
  openCalls: readonly OpenCall[];
  text: string;
  cursor: string | null;
  error: unknown;
}

export function useTranscript(sessionId: string): Transcript {
  const state = useRef<State>(emptyState());
  const [loads, again] = useReducer((count: number) => count + 1, 0);
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  const isLoading = useRef(false);

  async function load(cursor: string | undefined, signal?: AbortSignal): Promise<void> {
    isLoading.current = true;
    try {
      const query = { order: 'desc', limit: firstPage, ...(cursor === undefined ? {} : { cursor }) } as const;
      const page = await client.sessions.messages(sessionId, query, { signal });
      const { current } = state;
      const older = [...page.messages].reverse();
      current.messages = merge(older, current.messages ?? []);
      current.cursor = page.nextCursor;
      current.error = undefined;
    } catch (error) {
      if (!signal?.aborted) state.current.error = error;
    } finally {
      isLoading.current = false;
      if (!signal?.aborted) redraw(undefined);
    }
  }

  useEffect(() => {
    const stop = new AbortController();
    state.current = emptyState();
    void load(undefined, stop.signal);
    let frame = 0;
    const drawSoon = (): void => {
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        redraw(undefined);
      });
    };
    const endings = [
      listen((event) => {
        if (event.sessionId === sessionId && apply(state.current, event)) drawSoon();
      }),
      gaps.subscribe((count) => {
        if (count > 0) void load(undefined, stop.signal);
      }),
    ];
    return () => {
      stop.abort();
      cancelAnimationFrame(frame);
      for (const end of endings) end();
    };
  }, [sessionId, loads]);

  const { messages, ends, openCalls, text, cursor, error } = state.current;
  return {
    messages,
    ends,
    openCalls,
    text,
    hasOlder: cursor !== null,
    error,
    loadOlder: () => {
      if (cursor !== null && !isLoading.current) void load(cursor);
    },
    reload: () => again(undefined),
  };
}

function emptyState(): State {
  return { messages: undefined, ends: new Map(), openCalls: [], text: '', cursor: null, error: undefined };
}

/** Both oldest first; ids grow with time. */
function merge(older: readonly Message[], newer: readonly Message[]): readonly Message[] {
  const all = new Map([...older, ...newer].map((message) => [message.id, message]));
  return [...all.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** True if the transcript has changed. */
function apply(state: State, event: StreamEvent): boolean {
  switch (event.type) {
    case 'message.delta':
      state.text += event.data.text;
      return true;
    case 'message.user':
    case 'message.assistant': {
      const { messageId, text } = event.data;
      add(state, event, {
        id: messageId,
        role: event.type === 'message.user' ? 'user' : 'assistant',
        content: text,
        ...('incomplete' in event.data && event.data.incomplete ? { incomplete: true } : {}),
      });
      state.text = '';
      return true;
    }
    case 'tool.start': {
      const { callId, tool, params } = event.data;
      const call = { callId, tool, params, startedAt: event.timestamp, output: '' };
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
      const { callId, tool } = event.data;
      const call = state.openCalls.find((open) => open.callId === callId);
      state.openCalls = state.openCalls.filter((open) => open.callId !== callId);
      add(state, event, {
        id: `live_${event.id}`,
        role: 'tool',
        content: event.type === 'tool.error' ? event.data.message : textOf(event.data.result),
        tool: { name: tool, params: call?.params ?? {}, isError: event.type === 'tool.error', callId },
      });
      return true;
    }
    case 'run.complete':
    case 'run.failed':
    case 'run.cancelled':
      if (event.runId !== undefined) state.ends.set(event.runId, event);
      state.openCalls = [];
      state.text = '';
      return true;
    default:
      return false;
  }
}

type NewMessage = Pick<Message, 'id' | 'role' | 'content'> & Partial<Message>;

function add(state: State, { runId, sessionId, timestamp }: StreamEvent, message: NewMessage): void {
  const whole: Message = {
    sessionId: sessionId ?? '',
    runId: runId ?? null,
    createdAt: timestamp ?? '',
    ...message,
  };
  if (state.messages?.some(({ id }) => id === whole.id)) return;
  state.messages = [...(state.messages ?? []), whole];
}

function textOf(result: unknown): string {
  return typeof result === 'string' ? result : JSON.stringify(result, null, 2);
}
