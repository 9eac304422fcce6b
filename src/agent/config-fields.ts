// Reads fields of config.json entries that name programs: MCP servers and agents. Errors name the field, never a value,
// which may be a secret.

import { isRecord } from '../base/is-record.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Replaces the variables in a text; `at` is its field, for messages. */
export type Expand = (text: string, at: string) => string;

export function isPlainText(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0');
}

/** @throws Error that names the field */
export function parseTexts(at: string, value: unknown, expand: Expand): readonly string[] {
  if (!Array.isArray(value)) throw new Error(`${at} must be an array of strings`);
  return value.map((item: unknown, index) => {
    if (!isPlainText(item)) throw new Error(`${at}[${index}] must be a string without NUL characters`);
    return expand(item, `${at}[${index}]`);
  });
}

/** Variables for a program. @throws Error that names the field */
export function parseVariables(at: string, value: unknown, expand: Expand): Readonly<Record<string, string>> {
  return parseStrings(at, value, expand, (name) => {
    if (name === '' || /[=\0]/.test(name))
      throw new Error(`${at} must not have a variable named ${JSON.stringify(name)}`);
  });
}

/** @throws Error that names the field */
export function parseStrings(
  at: string,
  value: unknown,
  expand: Expand,
  check: (name: string, text: string) => void,
): Readonly<Record<string, string>> {
  if (!isRecord(value)) throw new Error(`${at} must be an object of strings`);
  // Object.fromEntries, since an assignment to `__proto__` creates no property.
  return Object.fromEntries(
    Object.entries(value).map(([name, text]) => {
      if (!isPlainText(text)) throw new Error(`${at}.${name} must be a string without NUL characters`);
      const expanded = expand(text, `${at}.${name}`);
      check(name, expanded);
      return [name, expanded];
    }),
  );
}

/**
 * Replaces `${NAME}` and `${NAME:-default}` by the variable's value, so that keys need not be in the file. `onValue` is
 * called with each value.
 * @throws Error that names the field, unless `lenient`
 */
export function expandVariables(
  text: string,
  at: string,
  environment: Environment,
  lenient: boolean,
  onValue: (value: string) => void,
): string {
  // Linear: each `${` ends the one before it, so the search for `}` never reads a part of the text twice.
  const [start = '', ...rest] = text.split('${');
  const expanded = rest.map((piece) => {
    const end = piece.indexOf('}');
    const inside = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(piece.slice(0, Math.max(end, 0)));
    if (inside === null) return `\${${piece}`;
    const [, name = '', fallback] = inside;
    return expandVariable(name, fallback) + piece.slice(end + 1);
  });
  return start + expanded.join('');

  function expandVariable(name: string, fallback: string | undefined): string {
    const value = environment[name];
    if (value !== undefined) onValue(value);
    // As in a shell, `:-` also applies to an empty variable.
    if (fallback !== undefined) return value === undefined || value === '' ? fallback : value;
    if (value !== undefined) return value;
    if (lenient) return `\${${name}}`;
    throw new Error(`${at}: the variable ${name} is not set`);
  }
}

/** @throws Error that names the field */
export function flag(value: unknown, at: string, byDefault: boolean): boolean {
  if (value === undefined) return byDefault;
  if (typeof value !== 'boolean') throw new Error(`${at} must be true or false`);
  return value;
}

/** @throws Error that names the field */
export function milliseconds(value: unknown, at: string, byDefault: number, most: number): number {
  if (value === undefined) return byDefault;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > most)
    throw new Error(`${at} must be a whole number of milliseconds from 1 to ${most}`);
  return value;
}
