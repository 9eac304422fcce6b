// What must not be shown: secrets in text that comes from outside (a server's error, a child's standard error), and the parts of a URL that
// let someone in. Every room may import it.

import { withoutTrailing } from './without-trailing.ts';

/** Stands in the place of a secret. */
export const redacted = '[redacted]';

/**
 * The origin of a URL; the rest, if there is any, as `***`. The path too: services like Slack and Discord keep their token in it.
 * What is not a URL becomes `***` as a whole.
 */
export function maskUrl(url: string): string {
  if (!URL.canParse(url)) return '***';
  const { protocol, host, pathname, search, hash, username, password } = new URL(url);
  const rest = pathname !== '/' && pathname !== '' ? true : search !== '' || hash !== '';
  const user = username !== '' || password !== '';
  return `${protocol}//${user ? '***@' : ''}${host}${rest ? '/***' : '/'}`;
}

/** A URL within text, up to what can only be the text around it. */
const urlInText = /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s"'<>`|\\^{}]+/gi;
/** At the end of a URL, these are taken for the text around it. */
const trailing = '.,;:!?)]';

/** Masks every URL in a text. */
export function maskUrlsIn(text: string): string {
  return replaceUrls(text, maskUrl);
}

/** Takes passwords (or a user alone, often a token) and the values of the query out of every URL in a text; hosts and paths stay. */
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

/** What is wrong with a JSON text, without the piece of it that V8's message quotes: the file may hold secrets. */
export function jsonFault(error: unknown): string {
  const message = error instanceof Error ? error.message : '';
  const quote = message.indexOf('"');
  const fault = (quote < 0 ? message : beforeQuote(message.slice(0, quote))).trim();
  return fault === '' ? 'it cannot be parsed' : fault;
}

/** Without the `, ` or `, ...` that leads to the quoted piece. */
function beforeQuote(head: string): string {
  const said = withoutTrailing(head.endsWith('...') ? head.slice(0, -3) : head, ' ');
  return said.endsWith(',') ? said.slice(0, -1) : said;
}

export interface Redactor {
  /** Replaces every secret that is known, in the forms it usually takes, and the credentials in URLs. */
  redact(text: string): string;
  /** Values that must not be shown from now on. Values too short or too common to be secrets are left alone. */
  learn(values: Iterable<string>): void;
  /** A redactor that also knows these; what this one learns later, it knows too. */
  with(values: Iterable<string>): Redactor;
}

/** Below this, a value is likely to be part of ordinary words. */
const minLength = 6;
/** Settings that are often in environments and are no secrets. */
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
      // The longest first: a secret may hold another one.
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

/** Values of variables that are named as secrets, and of those that are URLs with a password in them. */
export function secretVariables(
  environment: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  return Object.entries(environment).flatMap(([name, value]) => {
    if (value === undefined || value === '') return [];
    // Paths and sockets (SSH_AUTH_SOCK, XAUTHORITY) are where a secret is, not the secret.
    if (secretName.test(name)) return value.startsWith('/') || isNumber(value) ? [] : [value];
    return /^[a-z][a-z0-9+.-]*:\/\/[^/@:]*:[^/@]*@/i.test(value) ? [value] : [];
  });
}

/** Of a few digits: a limit or a port rather than a secret. In a log line it may be a number, which must stay one. */
export function isNumber(value: string): boolean {
  return /^-?[\d.]{1,15}$/.test(value);
}

/** A secret as it is written, and as common encodings write it. */
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

/** The whole value, and the parts of it that are secrets by themselves. */
function partsOf(value: string): readonly string[] {
  const whole = value.trim();
  const parts = [whole];
  // A key file: each of its lines may be shown alone. Short ones say nothing.
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
    // Not percent-encoded: it stands as it is.
    return text;
  }
}

/** In base64, where a value begins within other bytes decides how it looks; the ends depend on what is beside it. */
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
