// Content of the server in a view: loaded once, and loaded again when an event says that it has changed.

import { signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { CodeBuddyApiError } from '../../src/client/web.ts';
import { connection, listen, onGap } from './live.ts';
import { signedOut } from './sign-in.ts';

export interface Resource<T> {
  /** The newest content; undefined until it is loaded. It stays while the server is away. */
  readonly value: T | undefined;
  readonly error: unknown;
  reload(): void;
}

export interface ResourceOptions {
  /**
   * Event types whose events change the content: `run.` stands for all that begin with it, `*` for all.
   * @default none
   */
  readonly changedBy?: readonly string[];
  /** Events within this time, in ms, cause one load. @default 250 */
  readonly quietMs?: number;
  /** Restricts `changedBy` to events of this session. */
  readonly sessionId?: string | undefined;
}

/** The content that views showed last, by key. */
const kept = new Map<string, unknown>();
const maxKept = 50;

/** The number of actions under way. */
const actions = signal(0);

/**
 * Does something during which no view loads its content: it may remove what a view shows, whose load would then fail.
 * Loads that were due follow, unless their view is left.
 */
export async function withoutLoads<T>(action: () => Promise<T>): Promise<T> {
  actions.value++;
  try {
    return await action();
  } finally {
    actions.value--;
  }
}

/** `key` identifies the content: another key is another content. */
export function useResource<T>(
  key: string,
  load: (signal: AbortSignal) => Promise<T>,
  { changedBy = [], quietMs = 250, sessionId }: ResourceOptions = {},
): Resource<T> {
  const [state, setState] = useState<{ key: string; value: T | undefined; error: unknown }>({
    key,
    value: kept.get(key) as T | undefined,
    error: undefined,
  });
  const loading = useRef(load);
  loading.current = load;
  const again = useRef<() => void>(() => undefined);

  useEffect(() => {
    let current = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isLoading = false;
    let isStale = false;

    async function start(): Promise<void> {
      if (actions.value > 0) {
        isStale = true;
        return;
      }
      current.abort();
      const mine = new AbortController();
      current = mine;
      isLoading = true;
      isStale = false;
      try {
        const value = await loading.current(mine.signal);
        if (mine.signal.aborted) return;
        keep(key, value);
        setState({ key, value, error: undefined });
      } catch (error) {
        if (mine.signal.aborted) return;
        if (error instanceof CodeBuddyApiError && error.status === 401) signedOut();
        setState((before) => ({ key, value: before.key === key ? before.value : undefined, error }));
      } finally {
        if (!mine.signal.aborted) {
          isLoading = false;
          if (isStale) startSoon();
        }
      }
    }

    function startSoon(): void {
      timer ??= setTimeout(() => {
        timer = undefined;
        // A load that is under way ends first: many events in a row must not keep it from ending.
        if (isLoading) isStale = true;
        else void start();
      }, quietMs);
    }

    function hold(): void {
      if (!isLoading) return;
      current.abort();
      isLoading = false;
      isStale = true;
    }

    again.current = () => void start();
    setState({ key, value: kept.get(key) as T | undefined, error: undefined });
    void start();
    const endings = [
      listen((event) => {
        if (sessionId !== undefined && event.sessionId !== sessionId) return;
        if (
          changedBy.some(
            (type) =>
              event.type === type ||
              (type.endsWith('.') && event.type.startsWith(type)) ||
              // Deltas are not in the log.
              (type === '*' && event.id !== undefined),
          )
        )
          startSoon();
      }),
      onGap(startSoon),
      onReconnect(startSoon),
      actions.subscribe((count) => {
        if (count > 0) hold();
        // Not at once: the view may be left in this turn.
        else if (isStale) startSoon();
      }),
    ];
    return () => {
      current.abort();
      clearTimeout(timer);
      for (const end of endings) end();
    };
  }, [key, sessionId, changedBy.join()]);

  const isCurrent = state.key === key;
  return {
    value: isCurrent ? state.value : (kept.get(key) as T | undefined),
    error: isCurrent ? state.error : undefined,
    reload: () => again.current(),
  };
}

/** Calls back when the connection is live again: what is not in the log may have changed meanwhile. */
function onReconnect(callback: () => void): () => void {
  let before = connection.peek();
  return connection.subscribe((now) => {
    if (before === 'reconnecting' && now === 'live') callback();
    before = now;
  });
}

function keep(key: string, value: unknown): void {
  kept.delete(key);
  kept.set(key, value);
  const [oldest] = kept.keys();
  if (kept.size > maxKept && oldest !== undefined) kept.delete(oldest);
}
