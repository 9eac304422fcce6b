// Opens store, log and engine for a `WebhookManager`. Loaded at its first call, so that a host which only imports the library loads no SQLite.

import { mkdirSync } from 'node:fs';
import { apiFolder, databaseIn, defaultHome, oldFile, webhooksFile } from '../base/home-paths.ts';
import type { EventLog } from '../events/event-log.ts';
import { startIdsAfter } from '../events/ids.ts';
import { createEventLog } from '../events/log.ts';
import type { DataRules } from '../events/validate-data.ts';
import { moveDatabase } from '../store/sqlite/move-database.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';
import { openWebhookEngine, type WebhookEngine } from '../webhooks/engine.ts';
import type { WebhookManagerOptions } from './webhook-options.ts';

export interface OpenedWebhooks {
  readonly engine: WebhookEngine;
  readonly log: EventLog;
  readonly close: () => Promise<void>;
}

type Tell = (message: string, error?: unknown) => void;

/** `tell` calls the host's `warn`, whatever that does, or warns by the process if there is none. */
export async function openWebhooks(
  { home = defaultHome(), eventTypes = [], strict = false, ...options }: WebhookManagerOptions,
  tell: Tell,
): Promise<OpenedWebhooks> {
  mkdirSync(apiFolder(home), { recursive: true, mode: 0o700 });
  // Without a `warn`, only what is lost or differs is told.
  const warn = options.warn === undefined ? undefined : tell;
  const path = databaseIn(home);
  const moved = moveDatabase(oldFile(home, 'codebuddy.db'), path);
  if (moved !== undefined) warn?.(moved);
  const store = await openSqliteStore({
    path,
    ...(warn === undefined ? {} : { logger: { warn: (fields, message) => warn(message, fields.err) } }),
  });
  const ownTypes = new Set(eventTypes);
  const log = createEventLog({ store, rules: rulesOf(ownTypes, strict, tell) });
  try {
    startIdsAfter(await store.newestIds());
    const engine = await openWebhookEngine({
      ...options,
      ...(warn === undefined ? {} : { warn }),
      store,
      log,
      ownTypes,
      registryPath: webhooksFile(home),
    });
    return {
      engine,
      log,
      async close() {
        await engine.close();
        await log.close();
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** In a host's own library use, data is the host's: what differs from our schema is sent, and said once for each type. */
function rulesOf(ownTypes: ReadonlySet<string>, strict: boolean, tell: Tell): DataRules {
  const told = new Set<string>();
  if (strict) return { ownTypes };
  return {
    ownTypes,
    onMisfit(type, misfit) {
      if (told.has(type)) return;
      told.add(type);
      tell(`${misfit.message}. It is sent as it is; set strict: true to refuse such events`, misfit);
    },
  };
}
