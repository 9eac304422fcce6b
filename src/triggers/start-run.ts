// Starts the run of a call, in one commit with the identities of the call, so that a repetition is recognized from then
// on: after a restart, and on every node. Calls with the same identity at the same time wait for the first.

import { createHash } from 'node:crypto';
import { makeId } from '../base/ids.ts';
import { inNamedSession } from '../base/named-session.ts';
import { createTurns } from '../base/turns.ts';
import type { PermissionMode } from '../contract/permission-mode.ts';
import type { Store } from '../store/store.ts';
import type { CallLog, Coalesced, LoggedCall } from './call-log.ts';
import { createCoalescing } from './coalesce.ts';
import type { PlannedRun } from './evaluate.ts';
import type { RunLimits } from './run-limits.ts';
import type { RunStarter } from './run-starter.ts';
import type { TriggerConfig } from './trigger-config.ts';

export interface TriggeredRun {
  readonly runId: string;
  readonly sessionId: string;
}

export interface StartRunOptions {
  readonly store: Pick<Store, 'triggers' | 'getNamedSession' | 'write'>;
  readonly runs: RunStarter;
  readonly limits: RunLimits;
  readonly calls: CallLog;
  readonly modeOf: (triggerId: string) => PermissionMode;
  readonly now: () => number;
  /** Called for errors that change nothing for the caller. */
  readonly warn: (message: string, error?: unknown) => void;
}

export type StartRun = (
  config: TriggerConfig,
  call: LoggedCall,
  plan: PlannedRun,
) => Promise<{ readonly outcome: 'accepted' | 'duplicate' } & TriggeredRun>;

export function createStartRun(options: StartRunOptions): StartRun {
  const { store, runs, limits, calls, modeOf, now, warn } = options;
  const turns = createTurns();
  const coalescing = createCoalescing({ store, runs, warn });
  /** Of calls that are being started, by trigger and identity. */
  const starting = new Map<string, Promise<TriggeredRun>>();

  async function findFirst(triggerId: string, { identities }: PlannedRun): Promise<TriggeredRun | undefined> {
    if (identities.length === 0) return undefined;
    return store.triggers.findKey(triggerId, identities.map(shortKey));
  }

  /** In its turn: calls with the same key find the session or the queued run of the one before. */
  function inTurn<T>(
    triggerId: string,
    { sessionKey, coalesceKey }: PlannedRun,
    work: () => Promise<T>,
  ): Promise<T> {
    const take = <R>(name: string | undefined, next: () => Promise<R>): Promise<R> =>
      name === undefined ? next() : turns.take(name, next);
    return take(sessionKey && `session ${triggerId} ${sessionKey}`, () =>
      take(coalesceKey && `coalesce ${triggerId} ${coalesceKey}`, work),
    );
  }

  async function start(config: TriggerConfig, call: LoggedCall, plan: PlannedRun): Promise<TriggeredRun> {
    const giveBack = await limits.take(config);
    try {
      const coalesceKey = plan.coalesceKey === undefined ? undefined : shortKey(plan.coalesceKey);
      const waiting = coalesceKey === undefined ? [] : await coalescing.waiting(config.id, coalesceKey);
      const coalesced = { coalesceKey, replacedRunId: waiting[0]?.runId };
      const started = await startInSession(config, call, plan, coalesced);
      calls.accepted();
      if (coalesceKey !== undefined)
        await coalescing.settle(calls.acceptance(call, started, coalesced).row, waiting);
      return started;
    } catch (error) {
      giveBack();
      throw error;
    }
  }

  async function startInSession(
    config: TriggerConfig,
    call: LoggedCall,
    plan: PlannedRun,
    coalesced: Coalesced,
  ): Promise<TriggeredRun> {
    const name =
      plan.sessionKey === undefined ? undefined : `trigger ${config.id} ${shortKey(plan.sessionKey)}`;
    const attempt = async (sessionId: string | undefined): Promise<TriggeredRun> => {
      const { run } = await runs.start({
        prompt: plan.prompt,
        ...(sessionId === undefined ? {} : { sessionId }),
        origin: 'trigger',
        ...(sessionId === undefined && name !== undefined ? { claimedName: name } : {}),
        options: { ...config.options, permissionMode: modeOf(config.id) },
        requestId: call.id,
        runId: makeId('run', now()),
        hop: call.hop,
        // The limits of a key hold for each trigger.
        keyId: config.id,
        survivesRestart: true,
        together(started) {
          const { event, row } = calls.acceptance(call, started, coalesced);
          return {
            events: [event],
            writes: [
              { kind: 'addTriggerCall', call: row },
              ...plan.identities.map((identity) => ({
                kind: 'claimTriggerKey' as const,
                row: {
                  ...started,
                  triggerId: config.id,
                  key: shortKey(identity),
                  callId: call.id,
                  createdAt: call.receivedAt,
                },
              })),
            ],
          };
        },
      });
      return { runId: run.id, sessionId: run.sessionId };
    };
    if (name === undefined) return attempt(undefined);
    return inNamedSession(async () => (await store.getNamedSession(name))?.id, attempt);
  }

  return async (config, call, plan) => {
    const names = plan.identities.map((identity) => `${config.id} ${identity}`);
    for (;;) {
      const first = names.map((name) => starting.get(name)).find((one) => one !== undefined);
      if (first === undefined) break;
      // If the first one fails, this call is tried.
      const started = await first.catch(() => undefined);
      if (started !== undefined) return { outcome: 'duplicate', ...started };
    }
    const { promise, resolve, reject } = Promise.withResolvers<TriggeredRun>();
    // Perhaps no other call waits for it.
    promise.catch(() => undefined);
    for (const name of names) starting.set(name, promise);
    try {
      const earlier = await findFirst(config.id, plan);
      if (earlier !== undefined) {
        resolve(earlier);
        return { outcome: 'duplicate', ...earlier };
      }
      const started = await inTurn(config.id, plan, () => start(config, call, plan));
      resolve(started);
      return { outcome: 'accepted', ...started };
    } catch (error) {
      // Another node was faster; or the commit was made although its answer was lost.
      const first = await findFirst(config.id, plan).catch(() => undefined);
      if (first === undefined) {
        reject(error);
        throw error;
      }
      resolve(first);
      return { outcome: 'duplicate', ...first };
    } finally {
      for (const name of names) if (starting.get(name) === promise) starting.delete(name);
    }
  };
}

/** Keys come from payloads, so they may be long. */
function shortKey(key: string): string {
  return key.length <= 200 ? key : `sha256:${createHash('sha256').update(key).digest('hex')}`;
}
