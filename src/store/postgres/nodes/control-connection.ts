// The one connection of a node outside the pools: it holds the node's lock, listens, and carries renewals, looks and
// notifications, so that none of them waits behind writes. It must lead to the server itself: poolers in transaction
// mode keep neither locks nor LISTEN. When it breaks, it is made again.

import type pg from 'pg';
import type { Database, Result, Statement } from '../database.ts';
import { destroyConnection } from '../destroy-connection.ts';
import { unavailable } from '../postgres-errors.ts';

export interface ControlConnectionOptions {
  readonly database: Pick<Database, 'connect'>;
  readonly channels: readonly string[];
  /** A statement that takes longer means that the connection is broken. */
  readonly answerMs: number;
  readonly onNotification: (channel: string, payload: string) => void;
  /** Prepare a new connection. If it rejects, the connection is made again. */
  readonly onConnected: (run: Run) => Promise<void>;
  /** A connection that `onConnected` had prepared broke. */
  readonly onBroken: () => void;
  readonly onError: (error: unknown) => void;
}

export type Run = (statement: Statement, values: readonly unknown[]) => Promise<Result>;

export interface ControlConnection {
  /** @throws CodeBuddyError `storage_unavailable` while there is no connection; errors of the server unchanged */
  readonly run: Run;
  close(): Promise<void>;
}

/** The first try follows at once, later ones after this time, in ms. */
const retryAfterMs = 200;
/** The answer may wait in the socket when a suspended process continues. */
const secondLookMs = 200;

export function openControlConnection({
  database,
  channels,
  answerMs,
  onNotification,
  onConnected,
  onBroken,
  onError,
}: ControlConnectionOptions): ControlConnection {
  let current: pg.Client | undefined;
  let isReady = false;
  let closed = false;
  let wakeUp: (() => void) | undefined;

  function broken(client: pg.Client, error: unknown): void {
    if (client !== current) return;
    current = undefined;
    destroyConnection(client);
    if (closed) return;
    onError(error);
    if (isReady) {
      isReady = false;
      onBroken();
      void connect(0);
    }
  }

  async function connect(waitMs: number): Promise<void> {
    for (let pause = waitMs; !closed; pause = retryAfterMs) {
      if (pause > 0) await sleep(pause);
      if (closed) return;
      try {
        const client = await database.connect();
        if (closed) return destroyConnection(client);
        current = client;
        client.on('error', (error) => broken(client, error));
        client.on('end', () => broken(client, new Error('The database ended the connection.')));
        client.on('notification', ({ channel, payload = '' }) => onNotification(channel, payload));
        await client.query(`SET statement_timeout = ${answerMs}`);
        for (const channel of channels) await client.query(`LISTEN "${channel}"`);
        await onConnected((statement, values) => send(client, statement, values));
        if (client !== current) continue;
        isReady = true;
        return;
      } catch (error) {
        if (current !== undefined) destroyConnection(current);
        current = undefined;
        if (!closed) onError(error);
      }
    }
  }

  function sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async function send(
    client: pg.Client,
    { name, text }: Statement,
    values: readonly unknown[],
  ): Promise<Result> {
    if (client !== current) throw unavailable('The database cannot be reached now; nothing was changed.');
    const overdue = (): void =>
      broken(client, new Error(`The database did not answer within ${answerMs} ms.`));
    let timer = setTimeout(() => {
      timer = setTimeout(overdue, secondLookMs);
    }, answerMs);
    try {
      const { rows, rowCount } = await client.query({ name, text, values: [...values] });
      return { rows, count: rowCount ?? 0 };
    } finally {
      clearTimeout(timer);
    }
  }

  void connect(0);
  return {
    async run(statement, values) {
      if (current === undefined || !isReady)
        throw unavailable('The database cannot be reached now; nothing was changed.');
      return send(current, statement, values);
    },
    async close() {
      closed = true;
      wakeUp?.();
      const client = current;
      current = undefined;
      if (client !== undefined) await client.end().catch(() => destroyConnection(client));
    },
  };
}
