// `codebuddy migrate`: moves a SQLite home to a PostgreSQL database.

import { basename, dirname, join } from 'node:path';
import type { Command } from 'commander';
import { databaseUrlSecrets, parseDatabaseUrl } from '../base/database-url.ts';
import { apiFolder, databaseIn, triggersFile, webhooksFile } from '../base/home-paths.ts';
import { createRedactor } from '../base/redaction.ts';
import { loadSettings } from '../config/load-settings.ts';
import type { DatabaseSetting } from '../config/settings.ts';
import { exitCodes } from './exit-codes.ts';
import { createProgress } from './move-progress.ts';
import { complain, countOf, print, printJson } from './output.ts';
import { settingFlags, withSettings } from './setting-flags.ts';
import { UsageError } from './usage-error.ts';

interface MigrateOptions {
  readonly from?: string;
  readonly to?: string;
  readonly webhooks?: string;
  readonly json?: boolean;
}

export function define(migrate: Command): void {
  withSettings(migrate, ['home'])
    .description(
      'Move the data of a SQLite home to an empty PostgreSQL database. Ids, sequence numbers and pending deliveries are kept. Run it again if it was interrupted: it continues where it stopped.',
    )
    .option('--from <file>', 'SQLite file (default: api/codebuddy.db in the config folder)')
    .option(
      '--to <url>',
      'database, such as postgres://user:password@host:5432/database (default: DATABASE_URL)',
    )
    .option('--webhooks <file>', 'webhooks.json (default: the one of the home that --from is in)')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  codebuddy migrate --to postgres://codebuddy:secret@db.example.org/codebuddy
  codebuddy migrate --from /srv/old/api/codebuddy.db --to "$DATABASE_URL"`,
    )
    .action(migrateAction);
}

async function migrateAction(options: MigrateOptions): Promise<void> {
  const { settings } = loadSettings({ flags: settingFlags(options) });
  const to = targetOf(options.to, settings.database);
  const from = options.from ?? databaseIn(settings.home);
  const { moveToPostgres } = await import('../app/migrate.ts');
  const progress = createProgress();
  // Committed batches stay; the database rolls back the rest.
  const interrupt = (): void => {
    progress.end();
    complain('Interrupted. Run the same command again: it continues where it stopped.');
    process.exit(exitCodes.interrupted);
  };
  process.once('SIGINT', interrupt);
  try {
    const moved = await moveToPostgres({
      from,
      webhooksPath: options.webhooks ?? webhooksFile(homeOf(from) ?? settings.home),
      triggersPath: triggersFile(homeOf(from) ?? settings.home),
      to,
      onStart(start, shown) {
        if (start === 'resumed') complain(`Continuing the move to ${shown} that was interrupted.`);
        if (start === 'restarted')
          complain(`${from} has changed since the move to ${shown} was interrupted, so it starts again.`);
      },
      onProgress: progress.show,
    });
    progress.end();
    if (options.json) return printJson({ from, ...moved });
    const { rows, webhooks, triggers, pendingDeliveries, lastSequence } = moved;
    print(
      `Moved ${from} to ${moved.to}: ${countOf(rows.events ?? 0, 'event')} (the last one is ${lastSequence}), ${countOf(rows.sessions ?? 0, 'session')}, ${countOf(rows.runs ?? 0, 'run')}, ${countOf(rows.keys ?? 0, 'API key')}, ${countOf(webhooks, 'webhook')}, ${countOf(triggers, 'trigger')}, ${countOf(rows.deliveries ?? 0, 'delivery', 'deliveries')} (${pendingDeliveries} pending). All counts match.
Start the servers with DATABASE_URL or --database now. The file was not changed; keep it as a backup, but start no server on it: its pending deliveries would be sent twice.`,
    );
  } catch (error) {
    progress.end();
    const { redact } = createRedactor(databaseUrlSecrets(to));
    if (error instanceof Error) error.message = redact(error.message);
    throw error;
  } finally {
    process.off('SIGINT', interrupt);
  }
}

/** @throws UsageError */
function targetOf(given: string | undefined, setting: DatabaseSetting): string {
  const url = given ?? (setting.kind === 'postgres' ? setting.url : undefined);
  if (url === undefined)
    throw new UsageError(
      '--to is missing: the URL of the PostgreSQL database to move to. DATABASE_URL has none.',
    );
  try {
    parseDatabaseUrl(url);
    return url;
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(`--to ${error.message}.`);
    throw error;
  }
}

/** The home of a database in the usual place. */
function homeOf(database: string): string | undefined {
  const home = dirname(dirname(database));
  return dirname(database) === apiFolder(home) && basename(database) === 'codebuddy.db'
    ? join(home)
    : undefined;
}
