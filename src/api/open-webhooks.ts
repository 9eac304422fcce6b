// Opens the store, event log and engine of a `WebhookManager`. Loaded on its first call, so importing the library does
// not load SQLite.

import { apiFolder, databaseIn, defaultHome, oldFile, webhooksFile } from '../base/home-paths.ts';
import { startIdsAfter } from '../base/ids.ts';
import { makeFolders } from '../base/make-folders.ts';
import type { EventLog } from '../events/event-log.ts';
import { createEventLog } from '../events/log.ts';
import type { DataRules } from '../events/validate-data.ts';
import { moveDatabase } from '../store/sqlite/move-database.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';
import { findHostTracing } from '../tracing/host-provider.ts';
import { openWebhookEngine, type WebhookEngine } from '../webhooks/engine.ts';
import type { WebhookManagerOptions } from './webhook-options.ts';

/** The open parts of a manager. */
export interface OpenedWebhooks {
  readonly engine: WebhookEngine;
  readonly log: EventLog;
  readonly close: () => Promise<void>;
}

type Warn = (message: string, error?: unknown) => void;

/**
 * Opens the config folder. `alwaysWarn` calls the host application's `warn`, or emits a process warning if there is
 * none.
 */
export async function openWebhooks(
  { home = defaultHome(), eventTypes = [], strict = false, ...options }: WebhookManagerOptions,
  alwaysWarn: Warn,
): Promise<OpenedWebhooks> {
  makeFolders(apiFolder(home));
  // Without a `warn`, only lost events and schema mismatches become process warnings.
  const warn = options.warn === undefined ? undefined : alwaysWarn;
  const path = databaseIn(home);
  const moved = moveDatabase(oldFile(home, 'codebuddy.db'), path);
  if (moved !== undefined) warn?.(moved);
  const store = await openSqliteStore({
    path,
    ...(warn === undefined ? {} : { logger: { warn: (fields, message) => warn(message, fields.err) } }),
  });
  const ownTypes = new Set(eventTypes);
  const log = createEventLog({ store, rules: rulesOf(ownTypes, strict, alwaysWarn) });
  try {
    startIdsAfter(await store.newestIds());
    const engine = await openWebhookEngine({
      ...options,
      ...(warn === undefined ? {} : { warn }),
      store,
      log,
      ownTypes,
      registryPath: webhooksFile(home),
      tracing: await findHostTracing(),
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

/** Unless `strict`, data that does not match its schema is sent unchanged, with one warning per event type. */
function rulesOf(ownTypes: ReadonlySet<string>, strict: boolean, alwaysWarn: Warn): DataRules {
  const warned = new Set<string>();
  if (strict) return { ownTypes };
  return {
    ownTypes,
    onMisfit(type, misfit) {
      if (warned.has(type)) return;
      warned.add(type);
      const reason = misfit.message.replace(/\.$/, '');
      alwaysWarn(`${reason}. The event is sent unchanged. Set strict: true to refuse such events.`, misfit);
    },
  };
}
