// Parsers of setting values. Each returns the value, or undefined if it is invalid. Flags and environment variables
// give text, config.json gives JSON values; a parser accepts both.

import { isAbsolute, resolve } from 'node:path';
import { isDatabaseUrl, parseDatabaseUrl } from '../base/database-url.ts';
import { isRecord } from '../base/is-record.ts';
import { type PermissionMode, permissionModes } from '../contract/permission-mode.ts';
import type { CostLimits, DatabaseSetting, Permissions, SandboxLimits } from './settings.ts';

export function integer(value: unknown, least: number, most: number): number | undefined {
  const number = typeof value === 'string' && /^\d{1,6}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isInteger(number) && number >= least && number <= most
    ? number
    : undefined;
}

/** A number from 0 to 1. */
export function ratio(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && number >= 0 && number <= 1 ? number : undefined;
}

/** An absolute path; a relative one is resolved against `cwd`. */
export function path(value: unknown, cwd: string): string | undefined {
  if (typeof value !== 'string' || value === '' || value.includes('\0')) return undefined;
  return isAbsolute(value) ? value : resolve(cwd, value);
}

/** A path, `sqlite:PATH`, or the URL of a PostgreSQL database. */
export function database(value: unknown, cwd: string): DatabaseSetting | undefined {
  if (typeof value !== 'string') return undefined;
  if (isDatabaseUrl(value))
    return urlFault(value) === undefined ? { kind: 'postgres', url: value } : undefined;
  const file = databasePath(value, cwd);
  return file === undefined ? undefined : { kind: 'sqlite', path: file };
}

/** Completes "must be …" for a value that is no database. */
export function databaseExpected(value: unknown): string {
  const fault = typeof value === 'string' && isDatabaseUrl(value) ? urlFault(value) : undefined;
  return fault === undefined
    ? 'a path, sqlite:PATH, or a URL such as postgres://db.example.org:5432/codebuddy'
    : `a valid database URL: it ${fault}`;
}

function urlFault(url: string): string | undefined {
  try {
    parseDatabaseUrl(url);
    return undefined;
  } catch (error) {
    if (error instanceof TypeError) return error.message;
    throw error;
  }
}

function databasePath(value: string, cwd: string): string | undefined {
  const scheme = /^([a-z][a-z0-9+.-]+):(?:\/\/)?/i.exec(value);
  if (scheme === null) return path(value, cwd);
  return /^(sqlite|file)$/i.test(scheme[1] as string) ? path(value.slice(scheme[0].length), cwd) : undefined;
}

/** An array of strings, or one string with commas. */
export function list(value: unknown, isItem: (item: string) => boolean): readonly string[] | undefined {
  const items = typeof value === 'string' ? value.split(',') : value;
  if (!Array.isArray(items)) return undefined;
  return items.every((item) => typeof item === 'string' && isItem(item)) ? items : undefined;
}

export function httpProxy(value: unknown): string | undefined {
  const url = typeof value === 'string' ? URL.parse(value) : null;
  const isValid = url !== null && /^https?:$/.test(url.protocol) && url.pathname === '/' && url.search === '';
  return isValid ? url.href : undefined;
}

/** Without credentials, because everyone who may list nodes sees it. */
export function httpUrl(value: unknown): string | undefined {
  const url = typeof value === 'string' ? URL.parse(value) : null;
  const isValid =
    url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
  return isValid ? url.href.replace(/\/$/, '') : undefined;
}

export function permissionRules(value: unknown): Permissions | undefined {
  if (!isRecord(value) || Object.keys(value).some((name) => name !== 'allow' && name !== 'deny'))
    return undefined;
  const allow = list(value.allow ?? [], (rule) => rule !== '');
  const deny = list(value.deny ?? [], (rule) => rule !== '');
  return allow === undefined || deny === undefined ? undefined : { allow, deny };
}

export function triggerModes(value: unknown): Readonly<Record<string, PermissionMode>> | undefined {
  if (!isRecord(value)) return undefined;
  const modes: Record<string, PermissionMode> = {};
  for (const [id, mode] of Object.entries(value)) {
    const known = permissionModes.find((one) => one === mode);
    if (known === undefined) return undefined;
    modes[id] = known;
  }
  return modes;
}

export function costLimits(value: unknown): CostLimits | undefined {
  if (!isRecord(value)) return undefined;
  const known = ['run', 'session', 'day'];
  return Object.entries(value).every(([name, limit]) => known.includes(name) && isDollars(limit))
    ? (value as CostLimits)
    : undefined;
}

export function dollarAmounts(value: unknown): readonly number[] | undefined {
  return Array.isArray(value) && value.every(isDollars) ? value : undefined;
}

/** Fields that are left out keep their default. */
export function sandboxLimits(
  value: unknown,
  defaults: SandboxLimits,
  most: number,
): SandboxLimits | undefined {
  if (!isRecord(value)) return undefined;
  const isValid = Object.entries(value).every(
    ([name, limit]) =>
      Object.hasOwn(defaults, name) && typeof limit === 'number' && integer(limit, 1, most) !== undefined,
  );
  return isValid ? { ...defaults, ...value } : undefined;
}

/** A path that does not depend on the folder in which the server starts. */
export function isFixedPath(item: string): boolean {
  return (isAbsolute(item) || item.startsWith('~/')) && !item.includes('\0');
}

export function isOrigin(item: string): boolean {
  return URL.canParse(item) && new URL(item).origin === item;
}

function isDollars(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}
