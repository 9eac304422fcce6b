// The URL of a PostgreSQL database: what the driver gets, what the store takes from it, and what a log may show.

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
/** Without a user and a password, which the printer of errors would mask. */
const example = 'postgres://db.example.org:5432/codebuddy';

/** Whether a text is meant to be such a URL. */
export function isDatabaseUrl(text: string): boolean {
  return /^postgres(ql)?:/i.test(text);
}

/** @throws TypeError that completes "the URL …", without the URL: it may have a password. */
export function parseDatabaseUrl(text: string): DatabaseUrl {
  const url = URL.parse(text);
  // libpq takes several; the driver does not.
  if (/^\w+:\/\/(?:[^/?#]*@)?[^/?#@]*,/.test(text) || url?.searchParams.get('host')?.includes(','))
    throw new TypeError('must have one host: a name or an address that leads to the primary server');
  if (url === null || !isDatabaseUrl(url.protocol)) throw new TypeError(`must look like ${example}`);
  // The rest of a password with a slash or a hash.
  if (`${url.pathname}${url.hash}`.includes('@'))
    throw new TypeError('must have its password percent-encoded, such as %2F for a slash');
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

/** The secret parts of a database URL. */
export function databaseUrlSecrets(text: string): readonly string[] {
  const url = URL.parse(text);
  if (url === null) return [text];
  const parts = [url.password, ...secretParameters.map((name) => url.searchParams.get(name) ?? '')];
  return [text, url.href, ...parts, ...parts.map(decoded)].filter((part) => part !== '');
}

const secretParameters = ['password', 'sslpassword'];

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not percent-encoded.
    return text;
  }
}

function parseMax(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < fewestConnections || value > mostConnections)
    throw new TypeError(`must have a max from ${fewestConnections} to ${mostConnections}, such as ?max=10`);
  return value;
}

function parsePrepare(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new TypeError('must have prepare=true or prepare=false');
  return text === 'true';
}
