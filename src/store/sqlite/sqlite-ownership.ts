// Ownership on SQLite: one node, which owns everything as long as it holds the lock on the file. No timer, no
// statement.

import { randomUUID } from 'node:crypto';
import { CodeBuddyError } from '../../base/errors.ts';
import { makeId } from '../../base/ids.ts';
import { version } from '../../base/version.ts';
import type { CommandOutcome, NodeInfo, Ownership } from '../ownership.ts';

export interface SqliteOwnershipOptions {
  /** Where clients reach this node, once it listens. */
  readonly url?: () => string | undefined;
  /** The numbers of lanes and runs, for `list`. @default none */
  readonly owns?: () => NodeInfo['owns'];
  /** Unix ms. @default Date.now */
  readonly now?: () => number;
}

const nothing = (): void => undefined;
const noStop = (): (() => void) => nothing;
const done = async (): Promise<void> => undefined;

export function createSqliteOwnership({ url, owns, now = Date.now }: SqliteOwnershipOptions = {}): Ownership {
  const id = makeId('nod');
  const startedAt = now();
  const claims = new Set<string>();
  const secret = randomUUID() + randomUUID();
  const sums = new Map<string, number>();
  const handlers = new Map<string, (data: unknown) => Promise<unknown>>();

  return {
    shared: false,
    node: {
      id,
      epoch: 1,
      leaseLeftMs: () => Number.POSITIVE_INFINITY,
      onLost: noStop,
      onJoined: noStop,
      onRenewed: noStop,
      onSuperseded: noStop,
      list: async () => [
        {
          id,
          url: url?.() ?? null,
          version,
          epoch: 1,
          startedAt,
          leaseUntil: null,
          status: 'alive',
          self: true,
          owns: owns?.() ?? { lanes: 0, runs: 0 },
          lag: null,
        },
      ],
    },
    lanes: {
      serve: nothing,
      add: done,
      remove: done,
      isOwn: () => true,
      ownerOf: async () => id,
    },
    runs: {
      claim: () => [],
      release: () => [],
      ownerOf: async () => id,
      onInherited: noStop,
    },
    claims: {
      async claim(name) {
        claims.add(name);
        return true;
      },
      async release(name) {
        claims.delete(name);
      },
      holderOf: async (name) => (claims.has(name) ? id : undefined),
      onReleased: noStop,
    },
    commands: {
      handle(kind, handler) {
        if (handlers.has(kind)) throw new TypeError(`${kind} already has a handler`);
        handlers.set(kind, handler);
        return () => handlers.delete(kind);
      },
      async send(nodeId, { kind, data }): Promise<CommandOutcome> {
        if (nodeId !== id) return { status: 'dead' };
        const handler = handlers.get(kind);
        if (handler === undefined)
          return {
            status: 'failed',
            error: new CodeBuddyError('internal_error', `No handler for ${kind}.`),
          };
        try {
          return { status: 'done', answer: await handler(data) };
        } catch (error) {
          return { status: 'failed', error: error instanceof Error ? error : new Error(String(error)) };
        }
      },
    },
    counters: {
      async add(name, amount, initial) {
        const start = sums.get(name) ?? (await initial());
        const sum = (sums.get(name) ?? start) + amount;
        sums.set(name, sum);
        return sum;
      },
    },
    secret: async () => secret,
    deltas: { publish: nothing, flush: () => undefined, listen: noStop, onDelta: noStop },
    close: done,
  };
}
