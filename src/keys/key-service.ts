// API keys: shown once when they are created, and stored as SHA-256 only. All hashes are in memory, so checking a key
// does not read the disk; a change by another node is read at once.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { CodeBuddyError } from '../base/errors.ts';
import { makeId } from '../base/ids.ts';
import {
  type ApiKey,
  type ApiKeyInput,
  type CreatedApiKey,
  type KeyIdentity,
  type Scope,
  scopes,
} from '../contract/api-key.ts';
import { shownPast } from '../events/shown-time.ts';
import { parseRowJson } from '../store/row-json.ts';
import type { KeyRow, Store, Write } from '../store/store.ts';

export interface Keys {
  verify(key: string): KeyIdentity | undefined;
  find(id: string): KeyIdentity | undefined;
  list(): Promise<readonly ApiKey[]>;
  create(input: ApiKeyInput): Promise<CreatedApiKey>;
  revoke(id: string): Promise<void>;
}

interface Known extends KeyIdentity {
  readonly hash: Buffer;
}

export interface KeysOptions {
  readonly store: Store;
  /** Keys with all rights that are not in the store: the local one, and the one of the environment. */
  readonly fixed: readonly { readonly id: string; readonly key: string }[];
  /** Unix ms. @default Date.now */
  readonly now?: () => number;
}

const topic = 'keys';
const refreshAgainMs = 1000;

/** Create a key for the local user: 32 random bytes as base64url. */
export function generateKey(): string {
  return `cbk_${randomBytes(32).toString('base64url')}`;
}

export async function openKeys({ store, fixed, now = Date.now }: KeysOptions): Promise<Keys> {
  const known = new Map<string, Known>();
  for (const { id, key } of fixed) {
    known.set(id, { id, hash: sha256(key), scopes });
  }
  const isFixed = new Set(known.keys());
  /** Counts the changes of this process. */
  let changes = 0;
  for (const row of await store.listKeys()) known.set(row.id, toKnown(row));
  store.feed?.onChange(topic, () => void refresh());

  /** Other nodes create and revoke keys, too. */
  async function refresh(): Promise<void> {
    try {
      for (let before = -1; before !== changes; ) {
        before = changes;
        const rows = await store.listKeys();
        // A list that was read before a change of this process would undo it.
        if (before !== changes) continue;
        const kept = new Set(rows.map(({ id }) => id));
        for (const id of known.keys()) if (!isFixed.has(id) && !kept.has(id)) known.delete(id);
        for (const row of rows) if (!isFixed.has(row.id)) known.set(row.id, toKnown(row));
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
      const hash = sha256(key);
      let match: Known | undefined;
      // Compare all, so that the time does not reveal which one matches.
      for (const one of known.values()) if (timingSafeEqual(one.hash, hash)) match = one;
      return match === undefined ? undefined : { id: match.id, scopes: match.scopes };
    },
    find(id) {
      const key = known.get(id);
      return key === undefined ? undefined : { id, scopes: key.scopes };
    },
    async list() {
      return (await store.listKeys()).map((row) => toApiKey(row, now()));
    },
    async create({ name, scopes: granted }) {
      const key = generateKey();
      const createdAt = now();
      const row: KeyRow = {
        id: makeId('key', createdAt),
        name,
        hash: sha256(key).toString('hex'),
        scopes: JSON.stringify(granted),
        createdAt,
      };
      await change({ kind: 'putKey', key: row });
      known.set(row.id, toKnown(row));
      return { ...toApiKey(row, now()), key };
    },
    async revoke(id) {
      const rows = await store.listKeys();
      if (!rows.some((row) => row.id === id)) {
        throw new CodeBuddyError('key_not_found', `Key ${JSON.stringify(id)} not found.`);
      }
      await change({ kind: 'deleteKey', id });
      known.delete(id);
    },
  };
}

function sha256(key: string): Buffer {
  return createHash('sha256').update(key, 'utf8').digest();
}

/** Written by this program as a JSON list. */
function readScopes(row: KeyRow): readonly Scope[] {
  return parseRowJson<readonly Scope[]>('keys', row.id, row.scopes);
}

function toKnown(row: KeyRow): Known {
  return { id: row.id, hash: Buffer.from(row.hash, 'hex'), scopes: readScopes(row) };
}

function toApiKey(row: KeyRow, now: number): ApiKey {
  return {
    id: row.id,
    name: row.name,
    scopes: readScopes(row),
    createdAt: shownPast(row.createdAt, now),
  };
}
