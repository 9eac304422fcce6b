// Triggers: calls of senders such as GitHub, and schedules, which start runs. This file puts the parts together.

import type { Page, PageRequest } from '../contract/page.ts';
import type { PermissionMode } from '../contract/permission-mode.ts';
import type { RotatedTriggerSecret, Trigger } from '../contract/trigger.ts';
import type { TriggerCall, TriggerTest, TriggerTestResult } from '../contract/trigger-call.ts';
import type { TriggerInput, TriggerPatch } from '../contract/trigger-input.ts';
import type { TriggerOutcome } from '../contract/trigger-outcome.ts';
import type { EventLog } from '../events/event-log.ts';
import { openRegistry } from '../registry/registry.ts';
import { openSharedRegistry } from '../registry/shared-registry.ts';
import type { Ownership } from '../store/ownership.ts';
import type { Store } from '../store/store.ts';
import { createCallLog, toTriggerCall } from './call-log.ts';
import { createDryTest } from './dry-test.ts';
import { createReceive, type Receive } from './receive.ts';
import { createRunLimits } from './run-limits.ts';
import type { RunStarter } from './run-starter.ts';
import { createScheduler, type SchedulerClock } from './scheduler.ts';
import { createStartRun } from './start-run.ts';
import { createTriggerChanges, triggerNotFound } from './trigger-changes.ts';
import { type TriggerRegistry, type TriggerRegistryEntry, triggerEntries } from './trigger-entries.ts';
import { createTriggerView } from './trigger-views.ts';

export interface TriggersOptions {
  readonly store: Store;
  readonly log: EventLog;
  readonly runs: RunStarter;
  /** @default this process is the only one */
  readonly ownership?: Pick<Ownership, 'shared' | 'counters'>;
  /** triggers.json. Not used if the store can be shared. */
  readonly path: string;
  /** The permission modes of the runs, by trigger. @default 'read-only' for each */
  readonly modes: Readonly<Record<string, PermissionMode>>;
  /** Called with the secrets of triggers, which logs must not show. */
  readonly learn: (secrets: readonly string[]) => void;
  readonly warn: (message: string, error?: unknown) => void;
  readonly clock?: SchedulerClock;
}

export interface Triggers {
  list(): Promise<readonly Trigger[]>;
  get(id: string): Promise<Trigger | undefined>;
  /** @throws CodeBuddyError `validation_failed`, `trigger_exists` */
  create(input: TriggerInput): Promise<{ readonly trigger: Trigger; readonly secret: string | null }>;
  /** @throws CodeBuddyError `validation_failed`, `trigger_not_found` */
  update(id: string, patch: TriggerPatch): Promise<Trigger>;
  /** @throws CodeBuddyError `trigger_not_found` */
  remove(id: string): Promise<void>;
  /** For 24 hours, the old secret is accepted, too. @throws CodeBuddyError `trigger_not_found`, `validation_failed` */
  rotateSecret(id: string, secret?: string): Promise<RotatedTriggerSecret>;
  /** @throws CodeBuddyError `trigger_not_found` */
  test(id: string, test: TriggerTest): Promise<TriggerTestResult>;
  /** Newest first. @throws CodeBuddyError `trigger_not_found` */
  calls(id: string, page: PageRequest & { readonly outcome?: TriggerOutcome }): Promise<Page<TriggerCall>>;
  /** Calls by outcome since the start. */
  stats(): Readonly<Record<TriggerOutcome, number>>;
  receive: Receive;
  close(): Promise<void>;
}

/** The id under which the store keeps the last good triggers.json, among the states. */
const registryId = 'registry';
/** Calls of a trigger that are kept, at most. Older ones are deleted. */
const keptCalls = 10_000;
const trimAfter = 500;
const rowsPerStep = 500;

const systemClock: SchedulerClock = {
  now: Date.now,
  after(ms, work) {
    const timer = setTimeout(work, ms).unref();
    return () => clearTimeout(timer);
  },
};

/** @throws the errors of the store */
export async function openTriggers(options: TriggersOptions): Promise<Triggers> {
  const { store, log, runs, warn, clock = systemClock } = options;
  const { now } = clock;
  const shared = options.ownership?.shared === true ? options.ownership : undefined;
  const modeOf = (id: string): PermissionMode =>
    Object.hasOwn(options.modes, id) ? (options.modes[id] ?? 'read-only') : 'read-only';
  let isOpen = false;
  const { registry, refresh } = await openTriggerRegistry(options, () => {
    // The first reading changes the entries, too.
    if (isOpen) followRegistry();
  });
  let logged = 0;
  let trimming: Promise<void> = Promise.resolve();
  let isClosed = false;

  const calls = createCallLog({
    log,
    now,
    onLogged() {
      if (++logged % trimAfter === 0) trim();
    },
  });
  const startRun = createStartRun({
    store,
    runs,
    limits: createRunLimits({ store, counters: shared?.counters, now, warn }),
    calls,
    modeOf,
    now,
    warn,
  });
  const scheduler = createScheduler({
    entries: () => registry.all().values(),
    store,
    calls,
    startRun,
    clock,
    isShared: shared !== undefined,
    warn,
  });
  const view = createTriggerView({ store, scheduler, modeOf, now });
  const changes = createTriggerChanges({ registry, store, now });
  const dryTest = createDryTest({ store, modeOf, now });

  function followRegistry(): void {
    learnSecrets();
    scheduler.look();
  }

  function learnSecrets(): void {
    options.learn(
      [...registry.all().values()].flatMap(({ config: { secret, previousSecret } }) => [
        ...(secret === undefined ? [] : [secret]),
        ...(previousSecret === undefined ? [] : [previousSecret.secret]),
      ]),
    );
  }

  /** Another node may have created it just now. */
  async function entryOf(id: string): Promise<TriggerRegistryEntry> {
    if (!registry.all().has(id)) await refresh();
    const entry = registry.all().get(id);
    if (entry === undefined) throw triggerNotFound(id);
    return entry;
  }

  function trim(): void {
    trimming = trimming
      .then(trimAll)
      .catch((error: unknown) => warn('old calls of triggers were not deleted', error));
  }

  async function trimAll(): Promise<void> {
    for (const id of registry.all().keys())
      while (!isClosed && (await store.triggers.trimCalls(id, keptCalls, rowsPerStep)) === rowsPerStep);
  }

  for (const { id, refusal } of registry.all().values())
    if (refusal !== undefined) warn(`trigger ${id} is refused: ${refusal}. Its calls are refused, too.`);
  isOpen = true;
  followRegistry();

  return {
    async list() {
      await refresh();
      const all = [...registry.all().values()].sort((left, right) => (left.id < right.id ? -1 : 1));
      return Promise.all(all.map(view));
    },
    async get(id) {
      if (!registry.all().has(id)) await refresh();
      const entry = registry.all().get(id);
      return entry === undefined ? undefined : view(entry);
    },
    async create(input) {
      await refresh();
      const { entry, secret } = await changes.create(input);
      followRegistry();
      return { trigger: await view(entry), secret };
    },
    async update(id, patch) {
      await entryOf(id);
      const entry = await changes.update(id, patch);
      followRegistry();
      return view(entry);
    },
    async remove(id) {
      await entryOf(id);
      await changes.remove(id);
    },
    async rotateSecret(id, secret) {
      await entryOf(id);
      const rotated = await changes.rotateSecret(id, secret);
      learnSecrets();
      return rotated;
    },
    test: async (id, test) => dryTest(await entryOf(id), test),
    async calls(id, { limit, after, outcome }) {
      await entryOf(id);
      const rows = await store.triggers.listCalls({
        triggerId: id,
        limit: limit + 1,
        ...(after === undefined ? {} : { beforeId: after }),
        ...(outcome === undefined ? {} : { outcome }),
      });
      const items = rows.slice(0, limit).map((row) => toTriggerCall(row, now()));
      const last = items.at(-1);
      return rows.length > limit && last !== undefined ? { items, next: last.id } : { items };
    },
    stats: calls.stats,
    receive: createReceive({ entryOf, calls, startRun, now, warn }),
    async close() {
      isClosed = true;
      registry.stopFollowing();
      await scheduler.close();
      await trimming;
      await registry.close();
    },
  };
}

async function openTriggerRegistry(
  { store, path, warn, ownership }: TriggersOptions,
  onChange: () => void,
): Promise<{ readonly registry: TriggerRegistry; readonly refresh: () => Promise<void> }> {
  if (ownership?.shared === true) {
    const { feed, triggers } = store;
    if (feed === undefined || triggers.registry === undefined)
      throw new Error('Internal error: the store has an ownership that is shared, but no registry');
    const registry = await openSharedRegistry({
      table: triggers.registry,
      feed,
      kind: triggerEntries,
      onChange,
      warn,
    });
    return { registry, refresh: () => registry.refresh() };
  }
  const states = await store.triggers.states();
  const registry = await openRegistry({
    path,
    kind: triggerEntries,
    whileMissing: 'Their calls are refused: restore the file, or create the triggers again.',
    lastGood: states.find(({ triggerId }) => triggerId === registryId)?.state,
    keep: (state) =>
      store
        .write([{ kind: 'putTriggerState', triggerId: registryId, state }])
        .catch((error: unknown) => warn('a copy of triggers.json could not be saved in the store', error)),
    onChange,
    warn,
  });
  return { registry, refresh: async () => undefined };
}
