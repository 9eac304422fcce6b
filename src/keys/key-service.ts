// API keys: shown once when they are created, and stored as SHA-256 only. All hashes are in memory, so checking a key
// does not read the disk; a change by another node is read at once.

import { randomBytes, timingSafeEqual } from 'node:crypto';
import { CodeBuddyError } from '../base/errors.ts';
import { makeId } from '../base/ids.ts';
import { keyDigest } from '../base/key-digest.ts';
import { createTurns } from '../base/turns.ts';
import {
  type ApiKey,
  type ApiKeyInput,
  type ApiKeyPatch,
  type CreatedApiKey,
  type KeyIdentity,
  type KeyLimits,
  type Scope,
  scopes,
} from '../contract/api-key.ts';
import { shownPast } from '../events/shown-time.ts';
import { parseRowJson } from '../store/row-json.ts';
import type { KeyRow, Store, Write } from '../store/store.ts';
import { KeyRates } from './key-rates.ts';

/** `rates` is present if the key has limits. */
export type VerifiedKey = KeyIdentity & { readonly rates?: KeyRates };

export interface Keys {
  verify(key: string): VerifiedKey | undefined;
  find(id: string): VerifiedKey | undefined;
  list(): Promise<readonly ApiKey[]>;
  create(input: ApiKeyInput): Promise<CreatedApiKey>;
  update(id: string, patch: ApiKeyPatch): Promise<ApiKey>;
  revoke(id: string): Promise<void>;
}

interface Known {
  readonly hash: Buffer;
  readonly identity: VerifiedKey;
}

export interface KeysOptions {
  readonly store: Store;
  /** Keys with all rights that are not in the store: the local one, and the one of the environment. */
  readonly fixed: readonly { readonly id: string; readonly key: string }[];
  /** Unix ms. @default Date.now */
  readonly now?: () => number;
  /** Ms of a clock that never goes back, for the limits of keys. @default performance.now */
  readonly clock?: () => number;
}

const topic = 'keys';
const refreshAgainMs = 1000;

/** Create a key for the local user: 32 random bytes as base64url. */
export function generateKey(): string {
  return `cbk_${randomBytes(32).toString('base64url')}`;
}

export async function openKeys({
  store,
  fixed,
  now = Date.now,
  clock = () => performance.now(),
}: KeysOptions): Promise<Keys> {
  const known = new Map<string, Known>();
  const turns = createTurns();
  for (const { id, key } of fixed) {
    known.set(id, { hash: keyDigest(key), identity: { id, scopes } });
  }
  const isFixed = new Set(known.keys());
  /** Counts the changes of this process. */
  let changes = 0;
  for (const row of await store.listKeys()) learn(row);
  store.feed?.onChange(topic, () => void refresh());

  function learn(row: KeyRow): void {
    const identity = { id: row.id, scopes: readScopes(row) };
    const limits = readLimits(row);
    const isLimited = Object.keys(limits).length > 0;
    // What is used stays used when the key is read again.
    const rates = isLimited ? known.get(row.id)?.identity.rates : undefined;
    rates?.change(limits);
    known.set(row.id, {
      hash: Buffer.from(row.hash, 'hex'),
      identity: isLimited ? { ...identity, rates: rates ?? new KeyRates(limits, clock) } : identity,
    });
  }

  /** Other nodes create, change and revoke keys, too. */
  async function refresh(): Promise<void> {
    try {
      for (let before = -1; before !== changes; ) {
        before = changes;
        const rows = await store.listKeys();
        // A list that was read before a change of this process would undo it.
        if (before !== changes) continue;
        const kept = new Set(rows.map(({ id }) => id));
        for (const id of known.keys()) if (!isFixed.has(id) && !kept.has(id)) known.delete(id);
        for (const row of rows) if (!isFixed.has(row.id)) learn(row);
      }
    } catch {
      // The database is away: a revoked key must not work for longer than necessary.
      setTimeout(() => void refresh(), refreshAgainMs).unref();
    }
  }

  async function change(write: Write): Promise<void> {
    await store.write(store.feed === undefined ? [write] : [write, { kind: 'touch', topic }]);
    changes++;
  }

  return {
    verify(key) {
      const hash = keyDigest(key);
      let match: Known | undefined;
      // Compare all, so that the time does not reveal which one matches.
      for (const one of known.values()) if (timingSafeEqual(one.hash, hash)) match = one;
      return match?.identity;
    },
    find: (id) => known.get(id)?.identity,
    async list() {
      return (await store.listKeys()).map((row) => toApiKey(row, now()));
    },
    async create({ name, scopes: granted, limits = {} }) {
      const key = generateKey();
      const createdAt = now();
      const row: KeyRow = {
        id: makeId('key', createdAt),
        name,
        hash: keyDigest(key).toString('hex'),
        scopes: JSON.stringify(granted),
        createdAt,
        ...(limitsText(limits) === null ? {} : { limits: JSON.stringify(limits) }),
      };
      await change({ kind: 'putKey', key: row });
      learn(row);
      return { ...toApiKey(row, now()), key };
    },
    update: (id, patch) =>
      turns.take(id, async () => {
        const limits = limitsText(patched(readLimits(await rowOf(id)), patch.limits));
        // Changes a row, and never creates one: another node may have revoked the key.
        await change({ kind: 'setKeyLimits', id, limits });
        const row = await rowOf(id);
        learn(row);
        return toApiKey(row, now());
      }),
    revoke: (id) =>
      turns.take(id, async () => {
        await rowOf(id);
        await change({ kind: 'deleteKey', id });
        known.delete(id);
      }),
  };

  /** @throws CodeBuddyError `key_not_found` */
  async function rowOf(id: string): Promise<KeyRow> {
    const row = (await store.listKeys()).find((one) => one.id === id);
    if (row === undefined) throw new CodeBuddyError('key_not_found', `Key ${JSON.stringify(id)} not found.`);
    return row;
  }
}

/** Written by this program as a JSON list. */
function readScopes(row: KeyRow): readonly Scope[] {
  return parseRowJson<readonly Scope[]>('keys', row.id, row.scopes);
}

/** Written by this program as a JSON object. */
function readLimits(row: KeyRow): KeyLimits {
  return row.limits === undefined ? {} : parseRowJson<KeyLimits>('keys', row.id, row.limits);
}

function limitsText(limits: KeyLimits): string | null {
  return Object.keys(limits).length === 0 ? null : JSON.stringify(limits);
}

function patched(limits: KeyLimits, patch: ApiKeyPatch['limits']): KeyLimits {
  const all = Object.entries({ ...limits, ...patch }).filter(([, value]) => value !== null);
  return Object.fromEntries(all);
}

function toApiKey(row: KeyRow, now: number): ApiKey {
  return {
    id: row.id,
    name: row.name,
    scopes: readScopes(row),
    limits: readLimits(row),
    createdAt: shownPast(row.createdAt, now),
  };
}
