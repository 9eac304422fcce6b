// Exports and imports the configured webhooks with their secrets: those of webhooks.json on SQLite, those of the database
// on PostgreSQL. A running server sees the changes by itself.

import { webhooksFile } from '../base/home-paths.ts';
import { ensureHome } from '../config/home-folder.ts';
import type { Settings } from '../config/settings.ts';
import { writeFile } from '../registry/registry-entries.ts';
import { replaceRegistryFile } from '../registry/registry-file.ts';
import { readUncheckedFile, type UncheckedFile } from '../registry/unchecked-file.ts';
import { type ImportOutcome, outcomeOf, readImport } from '../webhooks/transfer-entries.ts';
import { webhooksMember } from '../webhooks/webhook-entries.ts';
import { targetSettings } from './webhook-settings.ts';

export interface Imported {
  readonly created: readonly string[];
  readonly updated: readonly string[];
  readonly unchanged: readonly string[];
}

/** The list is invalid; nothing was changed. */
export class InvalidImportError extends Error {
  override readonly name = 'InvalidImportError';
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(['Nothing was imported:', ...faults].join('\n'));
    this.faults = faults;
  }
}

/** Where webhooks are kept. */
interface Place {
  all(): Promise<ReadonlyMap<string, Existing>>;
  /** False if another program has changed the webhook meanwhile. */
  put(id: string, raw: unknown, existing: Existing | undefined): Promise<boolean>;
  close(): Promise<void>;
}

interface Existing {
  readonly raw: unknown;
  readonly version?: number;
}

/** The list of a webhooks.json. */
export async function exportWebhooks(settings: Settings): Promise<readonly unknown[]> {
  const place = await openPlace(settings);
  try {
    return [...(await place.all()).values()].map(({ raw }) => raw);
  } finally {
    await place.close();
  }
}

/** Another program that changes the same webhook all the time is not waited for longer. */
const maxTries = 20;

/** Creates and changes webhooks; others stay as they are. @throws InvalidImportError */
export async function importWebhooks(
  settings: Settings,
  text: string,
  { dryRun }: { readonly dryRun: boolean },
): Promise<Imported> {
  const list = readImport(text, targetSettings(settings));
  if (list.kind === 'refused') throw new InvalidImportError(list.faults);
  const outcomes: Record<ImportOutcome, string[]> = { created: [], updated: [], unchanged: [] };
  const place = await openPlace(settings);
  try {
    let all = await place.all();
    for (const { id, raw } of list.entries) {
      for (let tries = 1; ; tries++) {
        const existing = all.get(id);
        const outcome = outcomeOf(raw, existing);
        if (outcome === 'unchanged' || dryRun || (await place.put(id, raw, existing))) {
          outcomes[outcome].push(id);
          break;
        }
        if (tries === maxTries) throw new Error(`Webhook ${id} is being changed by others. Try again.`);
        all = await place.all();
      }
    }
    return outcomes;
  } finally {
    await place.close();
  }
}

async function openPlace(settings: Settings): Promise<Place> {
  return settings.database.kind === 'postgres' ? openTable(settings.database.url) : openFile(settings.home);
}

function openFile(home: string): Place {
  const path = webhooksFile(home);
  const read = (): UncheckedFile => readUncheckedFile(path, webhooksMember);

  return {
    all: async () => read().entries,
    async put(id, raw) {
      ensureHome(home);
      const { text, entries, form } = read();
      const changed = new Map<string, { readonly raw: unknown }>(entries).set(id, { raw });
      // The server, or an editor, may have written it since.
      return replaceRegistryFile(path, writeFile(changed, form, webhooksMember), () => read().text === text);
    },
    close: async () => undefined,
  };
}

async function openTable(url: string): Promise<Place> {
  const { openPostgresStore } = await import('../store/postgres/postgres-store.ts');
  const store = await openPostgresStore({ url });
  const table = store.webhooks.registry;
  return {
    async all() {
      const rows = await table.entries(0);
      return new Map(
        rows.flatMap(({ id, runId, entry, version }) =>
          runId === null && entry !== null ? [[id, { raw: JSON.parse(entry) as unknown, version }]] : [],
        ),
      );
    },
    async put(id, raw, existing) {
      const change = { id, runId: null, entry: JSON.stringify(raw), expected: existing?.version };
      return (await table.change(change)) !== undefined;
    },
    close: () => store.close(),
  };
}
