// Removes secrets from text that comes from outside, such as a server's error or a program's standard error, and
// credentials from URLs.

import { databaseUrlSecrets, isDatabaseUrl } from './database-url.ts';
import { withoutTrailing } from './without-trailing.ts';

/** Replaces a secret. */
export const redacted = '[redacted]';

/**
 * Returns the origin of a URL, with `***` for the rest. The path is masked, too: Slack and Discord put their tokens
 * there. Text that is not a URL becomes `***`.
 */
export function maskUrl(url: string): string {
  if (!URL.canParse(url)) return '***';
  const { protocol, host, pathname, search, hash, username, password } = new URL(url);
  const rest = pathname !== '/' && pathname !== '' ? true : search !== '' || hash !== '';
  const user = username !== '' || password !== '';
  return `${protocol}//${user ? '***@' : ''}${host}${rest ? '/***' : '/'}`;
}

/** A URL within text. */
const urlInText = /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s"'<>`|\\^{}]+/gi;
/** At the end of a URL, these characters belong to the surrounding text. */
const trailing = '.,;:!?)]';

/** Masks every URL in a text. */
export function maskUrlsIn(text: string): string {
  return replaceUrls(text, maskUrl);
}

/**
 * Removes passwords, lone user names (often tokens) and query values from every URL in a text. Hosts and paths stay.
 */
export function hideUrlSecrets(text: string): string {
  return replaceUrls(text, (url) =>
    url
      .replace(/^([a-z][a-z0-9+.-]*:\/\/)(?:([^/?#:@]*:)?[^/?#]*)@/i, '$1$2***@')
      .replace(/([?&][^?=&#\s]*=)[^&#\s]+/g, '$1***'),
  );
}

function replaceUrls(text: string, replace: (url: string) => string): string {
  return text.replace(urlInText, (found) => {
    const url = withoutTrailing(found, trailing);
    return replace(url) + found.slice(url.length);
  });
}

/** Describes a JSON syntax error without the part of the text that V8's message quotes: it may contain secrets. */
export function jsonFault(error: unknown): string {
  const message = error instanceof Error ? error.message : '';
  const quote = message.indexOf('"');
  const fault = (quote < 0 ? message : beforeQuote(message.slice(0, quote))).trim();
  return fault === '' ? 'it cannot be parsed' : fault;
}

/** Removes the `, ` or `, ...` before the quoted part. */
function beforeQuote(head: string): string {
  const said = withoutTrailing(head.endsWith('...') ? head.slice(0, -3) : head, ' ');
  return said.endsWith(',') ? said.slice(0, -1) : said;
}

export interface Redactor {
  /** Replaces every known secret, in its usual encodings, and the credentials in URLs. */
  redact(text: string): string;
  /** Adds secrets. Values that are too short or too common are ignored. */
  learn(values: Iterable<string>): void;
  /** Returns a redactor that also knows these values. It shares what this one learns later. */
  with(values: Iterable<string>): Redactor;
}

/** A shorter value is likely to occur in ordinary words. */
const minLength = 6;
/** Common values of environment variables that are not secrets. */
const ordinary: ReadonlySet<string> = new Set([
  'production',
  'development',
  'staging',
  'testing',
  'default',
  'disabled',
  'enabled',
  'verbose',
  'warning',
  'localhost',
  '127.0.0.1',
  '0.0.0.0',
  'en_US.UTF-8',
  'C.UTF-8',
  'xterm-256color',
  'application/json',
]);

export function createRedactor(values: Iterable<string> = [], parent?: Redactor): Redactor {
  const forms = new Set<string>();
  let pattern: RegExp | undefined;

  function learn(more: Iterable<string>): void {
    for (const value of more) for (const form of formsOf(value)) forms.add(form);
    pattern = undefined;
  }

  learn(values);
  const redactor: Redactor = {
    learn,
    redact(text) {
      const rest = parent === undefined ? hideUrlSecrets(text) : parent.redact(text);
      if (forms.size === 0) return rest;
      // Longest first: a secret may contain another one.
      // redos: an alternation of escaped texts, without any repetition
      pattern ??= new RegExp(
        [...forms]
          .sort((left, right) => right.length - left.length)
          .map(escapePattern)
          .join('|'),
        'g',
      );
      return rest.replace(pattern, redacted);
    },
    with: (more) => createRedactor(more, redactor),
  };
  return redactor;
}

const secretName = /key(?!board)|token|secret|passw|credential|auth(?!or)|cookie|private|dsn|(?:^|_)pat$/i;

/** Returns the values of variables whose names suggest a secret, and of those that are URLs with a password. */
export function secretVariables(
  environment: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  return Object.entries(environment).flatMap(([name, value]) => {
    if (value === undefined || value === '') return [];
    // Paths and sockets (SSH_AUTH_SOCK, XAUTHORITY) point to a secret; they are not one.
    if (secretName.test(name)) return value.startsWith('/') || isNumber(value) ? [] : [value];
    return /^[a-z][a-z0-9+.-]*:\/\/[^/@:]*:[^/@]*@/i.test(value) ? [value] : [];
  });
}

/**
 * Whether a value is a short number: a limit or a port rather than a secret. Replacing it would break numbers in JSON
 * log lines.
 */
export function isNumber(value: string): boolean {
  return /^-?[\d.]{1,15}$/.test(value);
}

/** A secret as it is, and in common encodings. */
function formsOf(value: string): ReadonlySet<string> {
  const forms = new Set<string>();
  for (const part of partsOf(value)) {
    if (part.length < minLength || ordinary.has(part)) continue;
    forms.add(part);
    forms.add(encodeURIComponent(part.toWellFormed()));
    forms.add(JSON.stringify(part).slice(1, -1));
    const bytes = Buffer.from(part);
    forms.add(bytes.toString('hex'));
    forms.add(bytes.toString('hex').toUpperCase());
    for (const text of base64Forms(bytes)) forms.add(text);
  }
  return forms;
}

/** The whole value, and its parts that are secrets themselves. */
function partsOf(value: string): readonly string[] {
  const whole = value.trim();
  const parts = [whole];
  // A key file: each of its lines may appear alone. Short lines reveal nothing.
  if (whole.includes('\n'))
    parts.push(
      ...whole
        .split('\n')
        .map((line) => line.trim())
        .filter(isLong),
    );
  const [, scheme, credential] = /^(Bearer|Basic|Token)\s+(\S+)$/i.exec(whole) ?? [];
  if (credential !== undefined) {
    parts.push(credential);
    if (scheme?.toLowerCase() === 'basic')
      parts.push(...passwordOf(Buffer.from(credential, 'base64').toString()));
  }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(whole) && URL.canParse(whole)) {
    if (isDatabaseUrl(whole)) return [...parts, ...databaseUrlSecrets(whole)];
    const { username, password, searchParams } = new URL(whole);
    for (const text of [username, password]) parts.push(text, decoded(text));
    parts.push(...searchParams.values());
  }
  return parts;
}

function isLong(line: string): boolean {
  return line.length >= 16;
}

function passwordOf(pair: string): readonly string[] {
  const colon = pair.indexOf(':');
  return colon < 0 ? [pair] : [pair, pair.slice(colon + 1)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not percent-encoded.
    return text;
  }
}

/** The base64 form of a value depends on its offset within other bytes, and its ends on the bytes beside it. */
function base64Forms(bytes: Buffer): readonly string[] {
  const forms: string[] = [];
  for (let shift = 0; shift < 3; shift++) {
    const text = withoutTrailing(Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64'), '=');
    const first = shift === 0 ? 0 : shift + 1;
    const isWhole = (shift + bytes.length) % 3 === 0;
    const inner = text.slice(first, isWhole ? undefined : -1);
    if (inner.length >= minLength) forms.push(inner, inner.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return forms;
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
