// The checks of `codebuddy doctor` for a PostgreSQL database.

import { inspectDatabase } from '../store/postgres/inspect-database.ts';
import type { Inspected } from './inspect.ts';

/** Deliveries are tried again by the clocks of the nodes. */
const mostClockDifferenceMs = 2000;

/** @throws StoreOpenError if the database cannot be reached */
export async function inspectSharedDatabase(
  url: string,
  { isRunning }: { readonly isRunning: boolean },
): Promise<readonly Inspected[]> {
  const found = await inspectDatabase(url);
  const check = (name: string, fault: string | undefined, detail: string): Inspected => ({
    name,
    ok: fault === undefined,
    detail: fault ?? detail,
  });
  const { lastEvent, unsafeSettings, missingPrivileges, clockDifferenceMs, clockErrorMs } = found;
  const events = lastEvent === undefined ? 'will be set up by the first node' : `${lastEvent} events so far`;
  const server = check(
    'database',
    faultOfServer(found),
    `${found.shown}: PostgreSQL ${found.versionText}, ${events}`,
  );
  // The rest says nothing about the primary server.
  if (found.isReadOnly) return [server];
  return [
    server,
    check(
      'durability',
      unsafeSettings.length === 0
        ? undefined
        : `${unsafeSettings.join(', ')} ${unsafeSettings.length === 1 ? 'is' : 'are'} off: a crash of the database server can lose events that were acknowledged`,
      'commits survive a crash of the database server',
    ),
    check(
      'pooler',
      found.receivesNotifications === true && found.keepsConnection
        ? undefined
        : 'a pooler in transaction mode is in between, which drops LISTEN and session locks; connect nodes directly, or through a pooler in session mode',
      'LISTEN and session locks work',
    ),
    check(
      'privileges',
      missingPrivileges.length === 0 ? undefined : `the user lacks ${missingPrivileges.join(', ')}`,
      'the user may create and change tables',
    ),
    check(
      'database clock',
      Math.abs(clockDifferenceMs) - clockErrorMs <= mostClockDifferenceMs
        ? undefined
        : `it differs from this machine's by ${clockDifferenceMs} ms; synchronize both (NTP), because retries are due by the clocks of the nodes`,
      `differs by ${clockDifferenceMs} ms (± ${clockErrorMs} ms)`,
    ),
    connectionsCheck(found, isRunning),
  ];
}

function faultOfServer({
  shown,
  version,
  versionText,
  encoding,
  isReadOnly,
  isBeingFilled,
}: Awaited<ReturnType<typeof inspectDatabase>>): string | undefined {
  if (version < 150_000) return `${shown} is PostgreSQL ${versionText}; version 15 or newer is needed`;
  if (encoding !== 'UTF8') return `${shown} has the encoding ${encoding}; UTF8 is needed`;
  if (isReadOnly) return `${shown} is read-only, such as a standby; use the primary server`;
  if (isBeingFilled)
    return `${shown} is being filled by codebuddy migrate; if it was interrupted, run it again: it continues where it stopped`;
  return undefined;
}

function connectionsCheck(
  { freeConnections: free, neededConnections: needed }: Awaited<ReturnType<typeof inspectDatabase>>,
  isRunning: boolean,
): Inspected {
  const name = 'connections';
  // A running node has its connections already.
  const ok = isRunning || free >= needed;
  const detail = ok
    ? `${free} free; a node uses up to ${needed}`
    : `only ${free} free, and a node uses up to ${needed}; raise max_connections, or lower ?max= in the URL`;
  return { name, ok, detail };
}
