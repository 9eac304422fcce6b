// The URL of a database: what the driver gets, what the store takes from it, and what a log may show.

import { StoreOpenError } from '../store-open-error.ts';

export interface DatabaseUrl {
  /** For the driver, without the parameters of the store. */
  readonly connectionString: string;
  /** `?max=`: the most connections of this process, besides one that listens. @default 10 */
  readonly maxConnections: number;
  /** `?prepare=false` for poolers without prepared statements, such as pgbouncer before 1.21. @default true */
  readonly prepare: boolean;
  /** Host, port and database, without user and password. */
  readonly shown: string;
}

const fewestConnections = 2;
const mostConnections = 1000;

/** @throws StoreOpenError `unreachable` */
export function parseDatabaseUrl(text: string): DatabaseUrl {
  const url = URL.parse(text);
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol))
    throw invalid('it must look like postgres://user:password@host:5432/database');
  const max = url.searchParams.get('max');
  const prepare = url.searchParams.get('prepare');
  url.searchParams.delete('max');
  url.searchParams.delete('prepare');
  return {
    connectionString: url.href,
    maxConnections: max === null ? 10 : parseMax(max),
    prepare: prepare === null ? true : parsePrepare(prepare),
    shown: `${url.searchParams.get('host') ?? url.host}${url.pathname}`,
  };
}

function parseMax(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < fewestConnections || value > mostConnections)
    throw invalid(`max must be a whole number from ${fewestConnections} to ${mostConnections}`);
  return value;
}

function parsePrepare(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw invalid('prepare must be true or false');
  return text === 'true';
}

/** The URL may have a password, so it is not repeated. */
function invalid(why: string): StoreOpenError {
  return new StoreOpenError('unreachable', `The database URL is invalid: ${why}.`);
}
