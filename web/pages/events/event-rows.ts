// The rows of the event list: pages of the log, newest first, and new events as they happen. New ones wait behind a bar
// while the reader is further down.

import { useEffect, useRef, useState } from 'preact/hooks';
import type { LoggedEvent } from '../../../src/client/web.ts';
import { listen, onGap } from '../../app/live.ts';
import { client } from '../../app/sign-in.ts';

export interface EventFilter {
  /** `tool.*,run.failed`; undefined for all. */
  readonly type?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly runId?: string | undefined;
}

export interface EventRows {
  /** Newest first. Undefined until the first page is loaded. */
  readonly rows: readonly LoggedEvent[] | undefined;
  /** How many wait behind the bar. */
  readonly fresh: number;
  readonly error: unknown;
  readonly isEnd: boolean;
  showFresh(): void;
  loadMore(): void;
  reload(): void;
}

const pageSize = 100;
/** Bounds the memory: older rows are loaded again when the reader scrolls to them. */
const maxRows = 10_000;

interface State {
  readonly rows: readonly LoggedEvent[] | undefined;
  readonly fresh: readonly LoggedEvent[];
  readonly cursor: string | null;
  readonly error: unknown;
}

const empty: State = { rows: undefined, fresh: [], cursor: null, error: undefined };

/** `isReading`: the reader is not at the top, so new rows wait. */
export function useEventRows(filter: EventFilter, isReading: () => boolean): EventRows {
  const { type, sessionId, runId } = filter;
  const [state, setState] = useState<State>(empty);
  const [loads, setLoads] = useState(0);
  const loading = useRef(false);

  async function load(cursor: string | undefined, signal?: AbortSignal): Promise<void> {
    loading.current = true;
    try {
      const query = { type, sessionId, runId, order: 'desc', limit: pageSize, cursor } as const;
      const { events, nextCursor } = await client.events.list(query, { signal });
      setState((before) => ({
        // Events that came in during the first load are newer than its page.
        rows: cursor === undefined ? merge(before.rows ?? [], events) : [...(before.rows ?? []), ...events],
        fresh: before.fresh,
        cursor: nextCursor,
        error: undefined,
      }));
    } catch (error) {
      if (!signal?.aborted) setState((before) => ({ ...before, error }));
    } finally {
      loading.current = false;
    }
  }

  useEffect(() => {
    const stop = new AbortController();
    setState(empty);
    void load(undefined, stop.signal);
    const matches = matcherOf(filter);
    let arrived: LoggedEvent[] = [];
    let frame = 0;
    const show = (): void => {
      frame = 0;
      const newest = arrived.reverse();
      arrived = [];
      setState((before) =>
        isReading()
          ? { ...before, fresh: [...newest, ...before.fresh].slice(0, maxRows) }
          : { ...before, rows: [...newest, ...(before.rows ?? [])].slice(0, maxRows) },
      );
    };
    const endings = [
      listen((event) => {
        if (event.id === undefined || event.sequence === undefined || !matches(event as LoggedEvent)) return;
        arrived.push(event as LoggedEvent);
        frame ||= requestAnimationFrame(show);
      }),
      onGap(() => void load(undefined, stop.signal)),
    ];
    return () => {
      stop.abort();
      cancelAnimationFrame(frame);
      for (const end of endings) end();
    };
  }, [type, sessionId, runId, loads]);

  return {
    rows: state.rows,
    fresh: state.fresh.length,
    error: state.error,
    isEnd: state.rows !== undefined && state.cursor === null,
    showFresh: () =>
      setState((before) => ({
        ...before,
        rows: [...before.fresh, ...(before.rows ?? [])].slice(0, maxRows),
        fresh: [],
      })),
    loadMore: () => {
      if (state.cursor !== null && !loading.current) void load(state.cursor);
    },
    reload: () => setLoads(loads + 1),
  };
}

/** Both newest first; events that are in both once. */
function merge(newer: readonly LoggedEvent[], page: readonly LoggedEvent[]): readonly LoggedEvent[] {
  const newest = page[0]?.sequence ?? 0;
  return [...newer.filter(({ sequence }) => sequence > newest), ...page];
}

/** The rule of the server: names, and patterns such as `tool.*`, separated by commas. */
function matcherOf({ type, sessionId, runId }: EventFilter): (event: LoggedEvent) => boolean {
  const patterns = type?.split(',').map((part) => part.trim()) ?? [];
  return (event) => {
    if (sessionId !== undefined && event.sessionId !== sessionId) return false;
    if (runId !== undefined && event.runId !== runId) return false;
    return (
      patterns.length === 0 ||
      patterns.some((pattern) =>
        pattern.endsWith('*') ? event.type.startsWith(pattern.slice(0, -1)) : event.type === pattern,
      )
    );
  };
}
