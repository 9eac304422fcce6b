// The transcript of a session: its newest messages first, older ones on request. Events keep it current; nothing is
// polled.

import { useEffect, useReducer, useRef } from 'preact/hooks';
import type { Message } from '../../../src/client/web.ts';
import { connection, listen, onGap } from '../../app/live.ts';
import { client } from '../../app/sign-in.ts';
import {
  addNewest,
  addOlder,
  addPast,
  apply,
  emptyState,
  isStored,
  type TranscriptState,
} from './transcript-state.ts';

export interface Transcript extends Readonly<TranscriptState> {
  readonly error: unknown;
  loadOlder(): void;
  reload(): void;
}

const firstPage = 80;
const olderPage = 200;
/** Older ends are loaded together with older messages. */
const pastEvents = 100;
const pastTypes = 'run.complete,run.failed,run.cancelled';
const openTypes = 'tool.start,tool.complete,tool.error';

export function useTranscript(sessionId: string): Transcript {
  const state = useRef<TranscriptState>(emptyState());
  const error = useRef<unknown>(undefined);
  const [loads, again] = useReducer((count: number) => count + 1, 0);
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  const isLoadingOlder = useRef(false);
  const endsCursor = useRef<string | null>(null);

  async function attempt(work: () => Promise<void>, signal?: AbortSignal): Promise<void> {
    try {
      await work();
      error.current = undefined;
    } catch (reason) {
      if (!signal?.aborted) error.current = reason;
    }
    if (!signal?.aborted) redraw(undefined);
  }

  function loadNewest(signal: AbortSignal): Promise<void> {
    return attempt(async () => {
      const before = state.current.messages ?? [];
      const isFirst = state.current.messages === undefined;
      const [page, ends, calls] = await Promise.all([
        client.sessions.messages(sessionId, { order: 'desc', limit: firstPage }, { signal }),
        client.events.list({ sessionId, type: pastTypes, order: 'desc', limit: pastEvents }, { signal }),
        isFirst
          ? client.events.list({ sessionId, type: openTypes, order: 'desc', limit: 30 }, { signal })
          : undefined,
      ]);
      if (signal.aborted) return;
      state.current.lacksReasoning = connection.value !== 'live';
      addNewest(state.current, [...page.messages].reverse(), page.nextCursor, before);
      addPast(state.current, [...ends.events, ...(calls?.events ?? [])]);
      if (isFirst) endsCursor.current = ends.nextCursor;
    }, signal);
  }

  async function loadOlder(): Promise<void> {
    const { cursor } = state.current;
    if (cursor === null || isLoadingOlder.current) return;
    isLoadingOlder.current = true;
    const current = state.current;
    await attempt(async () => {
      const query = { order: 'desc', limit: olderPage, cursor } as const;
      const [page, ends] = await Promise.all([
        client.sessions.messages(sessionId, query),
        endsCursor.current === null
          ? undefined
          : client.events.list({
              sessionId,
              type: pastTypes,
              order: 'desc',
              limit: pastEvents,
              cursor: endsCursor.current,
            }),
      ]);
      // Another session is shown by now, or this one was loaded anew.
      if (state.current !== current || current.cursor !== cursor) return;
      addOlder(current, [...page.messages].reverse(), page.nextCursor);
      if (ends !== undefined) {
        addPast(current, ends.events);
        endsCursor.current = ends.nextCursor;
      }
    });
    isLoadingOlder.current = false;
  }

  useEffect(() => {
    const stop = new AbortController();
    state.current = emptyState();
    void loadNewest(stop.signal);
    let frame = 0;
    const drawSoon = (): void => {
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        redraw(undefined);
      });
    };
    const endings = [
      listen((event) => {
        // Messages have disappeared, or are back.
        if (event.sessionId === sessionId && /^session\.(un|re)do$/.test(event.type)) again(undefined);
        if (event.sessionId !== sessionId || !apply(state.current, event)) return;
        drawSoon();
        // Messages of which only the events are known get their ids and their whole texts.
        const isEnd = event.type.startsWith('run.');
        const { messages, lacksReasoning } = state.current;
        if (isEnd && (lacksReasoning || messages?.some((message) => needsLoad(message))))
          void loadNewest(stop.signal);
      }),
      onGap(() => void loadNewest(stop.signal)),
      connection.subscribe((status) => {
        // Deltas are not sent again.
        if (status !== 'live') state.current.lacksReasoning = true;
      }),
    ];
    return () => {
      stop.abort();
      cancelAnimationFrame(frame);
      for (const end of endings) end();
    };
  }, [sessionId, loads]);

  return {
    ...state.current,
    error: error.current,
    loadOlder: () => void loadOlder(),
    reload: () => again(undefined),
  };
}

/** Events have the beginning of long results only. */
function needsLoad(message: Message): boolean {
  return !isStored(message) || (message.role === 'tool' && message.content.length > 10_000);
}
