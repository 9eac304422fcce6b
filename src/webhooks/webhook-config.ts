// Checks a webhook's configuration, for the API, the library and webhooks.json. All faults are reported at once, each
// with the field that it concerns.

import { CodeBuddyError, type FieldError } from '../base/errors.ts';
import { isRecord } from '../base/is-record.ts';
import { escapePointer } from '../base/json-pointer.ts';
import { maskUrl, maskUrlsIn } from '../base/redaction.ts';
import { isEventType } from '../contract/event-catalogue.ts';
import { eventTypes } from '../contract/event-types.ts';
import type { Webhook } from '../contract/webhook.ts';
import { webhookLimits as limits } from '../contract/webhook-limits.ts';
import type { WebhookTls } from '../contract/webhook-tls.ts';
import { entryIdPattern } from '../registry/registry-entries.ts';
import { checkClientTls } from './client-tls.ts';
import { checkHeaders } from './header-rules.ts';
import { checkSecret } from './signing.ts';

/** A complete configuration, with defaults filled in. */
export interface WebhookConfig extends Omit<Webhook, 'signed' | 'publicKey' | 'runId' | 'state'> {
  readonly secret?: string;
}

export interface CheckOptions {
  /** @throws CodeBuddyError naming /url */
  readonly checkUrl: (url: string) => URL;
  readonly makeId: () => string;
  /** Event types of the host, beside the catalogue's. */
  readonly ownTypes?: ReadonlySet<string> | undefined;
}

type Field = keyof WebhookConfig;
type PlainField = Exclude<Field, 'id' | 'name' | 'url' | 'events' | 'secret' | 'headers' | 'tls'>;

/** Shown in place of a header's value or a URL's path. */
const mask = '***';
const maskedUrl = /^https?:\/\/[^/?#]+\/\*{3}$/i;

/** Returns the fault as text, or undefined. */
type Rule = (value: unknown) => string | undefined;

/** The fields that need only a rule and a default. Add a new one here. */
const plainFields: {
  readonly [F in PlainField]: { readonly rule: Rule; readonly byDefault: WebhookConfig[F] };
} = {
  enabled: { rule: flag, byDefault: true },
  retryCount: { rule: whole(limits.retryCount), byDefault: limits.retryCount.default },
  retryDelay: { rule: whole(limits.retryDelay), byDefault: limits.retryDelay.default },
  timeout: { rule: whole(limits.timeout), byDefault: limits.timeout.default },
  ordered: { rule: flag, byDefault: false },
  legacySignature: { rule: flag, byDefault: true },
  description: { rule: text(limits.description), byDefault: '' },
};
const plainNames = Object.keys(plainFields) as readonly PlainField[];

const simpleRules: { readonly [F in PlainField | 'id' | 'name' | 'secret']: Rule } = {
  id: (value) =>
    typeof value === 'string' && entryIdPattern.test(value)
      ? undefined
      : 'must be 8 to 64 letters, digits, _ or -',
  name: text(limits.name),
  secret: checkSecret,
  ...plainValues((name) => plainFields[name].rule),
};

function plainValues<T>(value: (name: PlainField) => T): Record<PlainField, T> {
  return Object.fromEntries(plainNames.map((name) => [name, value(name)])) as Record<PlainField, T>;
}

const fields: readonly string[] = [...Object.keys(simpleRules), 'url', 'events', 'headers', 'tls'];

/**
 * Check the input and fill in defaults.
 *
 * @throws CodeBuddyError `validation_failed` with one error for each invalid field
 */
export function parseWebhook(input: unknown, { checkUrl, makeId, ownTypes }: CheckOptions): WebhookConfig {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw invalid([{ in: 'body', pointer: '', message: 'must be an object' }]);
  const errors: FieldError[] = [];
  const fault = (pointer: string, message: string): void => {
    errors.push({ in: 'body', pointer, message });
  };
  // Own properties only: nothing is taken from a prototype.
  const given = new Map<string, unknown>(Object.entries(input).filter(([, value]) => value !== undefined));
  for (const name of given.keys())
    if (!fields.includes(name))
      fault(
        `/${escapePointer(name.slice(0, 100))}`,
        `is not a field of a webhook; its fields are ${fields.join(', ')}`,
      );
  for (const name of ['secret', 'tls']) if (given.get(name) === null) given.delete(name);
  for (const [name, rule] of Object.entries(simpleRules)) {
    const message = given.has(name) ? rule(given.get(name)) : undefined;
    if (message !== undefined) fault(`/${name}`, message);
  }

  const url = checkedUrl(given.get('url'), checkUrl, errors);
  const events = given.has('events') ? given.get('events') : ['*'];
  for (const { pointer, message } of checkEvents(events, ownTypes ?? new Set()))
    fault(`/events${pointer}`, message);
  const headers = given.has('headers') ? given.get('headers') : {};
  for (const { pointer, message } of checkHeaders(headers)) fault(`/headers${pointer}`, message);
  const tls = given.get('tls') as WebhookTls | undefined;
  if (tls !== undefined) {
    for (const { pointer, message } of checkClientTls(tls)) fault(`/tls${pointer}`, message);
    if (url?.protocol === 'http:') fault('/tls', 'requires a url that begins with https://');
  }
  for (const { pointer, message } of findMasks(given.get('url'), headers)) fault(pointer, message);
  if (errors.length > 0 || url === undefined) throw invalid(errors);

  const or = <T>(name: Field, fallback: () => T): T =>
    given.has(name) ? (given.get(name) as T) : fallback();
  const secret = given.get('secret') as string | undefined;
  return {
    id: or('id', makeId),
    name: or('name', () => url.host),
    url: given.get('url') as string,
    events: [...new Set(events as readonly string[])],
    ...(secret === undefined ? {} : { secret }),
    headers: { ...(headers as Record<string, string>) },
    ...(plainValues((name) => or(name, () => plainFields[name].byDefault)) as Pick<
      WebhookConfig,
      PlainField
    >),
    ...(tls === undefined ? {} : { tls: { ...tls } }),
  };
}

/**
 * Apply a patch to a configuration and check the result. `secret: null` removes the secret. A masked value, as webhooks
 * are shown with, keeps the current value.
 *
 * @throws CodeBuddyError `validation_failed`
 */
export function patchWebhook(
  config: Readonly<Record<string, unknown>> & { readonly id: string },
  patch: unknown,
  options: CheckOptions,
): WebhookConfig {
  if (!isRecord(patch)) throw invalid([{ in: 'body', pointer: '', message: 'must be an object' }]);
  if (Object.hasOwn(patch, 'id') && patch.id !== config.id)
    throw invalid([{ in: 'body', pointer: '/id', message: 'cannot be changed' }]);
  return parseWebhook({ ...config, ...unmask(patch, config), id: config.id }, options);
}

/** The patch with its masked values replaced by those of `config`. */
function unmask(
  patch: Readonly<Record<string, unknown>>,
  config: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const unmasked = { ...patch };
  const { url, headers } = config;
  if (typeof url === 'string' && typeof patch.url === 'string' && patch.url === maskUrl(url))
    unmasked.url = url;
  for (const field of ['name', 'description'] as const) {
    const now = config[field];
    if (typeof now === 'string' && patch[field] === maskUrlsIn(now)) unmasked[field] = now;
  }
  if (isRecord(patch.headers) && isRecord(headers)) {
    const values = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    unmasked.headers = Object.fromEntries(
      Object.entries(patch.headers).map(([name, value]) => [
        name,
        value === mask ? (values.get(name.toLowerCase()) ?? mask) : value,
      ]),
    );
  }
  return unmasked;
}

/** Find masks that were copied from a shown webhook: they would be sent as they are. */
function findMasks(url: unknown, headers: unknown): { readonly pointer: string; readonly message: string }[] {
  const faults: { pointer: string; message: string }[] = [];
  if (typeof url === 'string' && maskedUrl.test(url))
    faults.push({ pointer: '/url', message: 'is masked (***); give the whole URL' });
  if (isRecord(headers))
    for (const [name, value] of Object.entries(headers))
      if (value === mask)
        faults.push({
          pointer: `/headers/${escapePointer(name.slice(0, 100))}`,
          message: 'is masked (***), and the webhook has no such header; give the value',
        });
  return faults;
}

/**
 * Read the valid fields of an entry that cannot be used. The other fields keep their previous value or get their
 * default; if `events` cannot be read, the webhook gets no events.
 */
export function readRefused(entry: unknown, id: string, before: WebhookConfig | undefined): WebhookConfig {
  const given = new Map<string, unknown>(isRecord(entry) ? Object.entries(entry) : []);
  const field = <F extends keyof typeof simpleRules>(
    name: F,
    fallback: WebhookConfig[F],
  ): WebhookConfig[F] => {
    const value = given.get(name);
    return value !== undefined && simpleRules[name](value) === undefined
      ? (value as WebhookConfig[F])
      : (before?.[name] ?? fallback);
  };
  const url = given.get('url');
  const events = given.get('events');
  const known = Array.isArray(events)
    ? events.filter((pattern: unknown) => isPattern(pattern, new Set()))
    : [];
  const headers = given.get('headers');
  const secret = given.get('secret');
  return {
    id,
    name: field('name', id),
    url: typeof url === 'string' ? url.slice(0, longestShownUrl) : (before?.url ?? ''),
    events: known.length > 0 ? [...new Set(known)] : (before?.events ?? (given.has('events') ? [] : ['*'])),
    ...(checkSecret(secret) === undefined ? { secret: secret as string } : {}),
    headers:
      headers !== undefined && checkHeaders(headers).length === 0
        ? { ...(headers as Record<string, string>) }
        : (before?.headers ?? {}),
    ...(plainValues((name) => field(name, plainFields[name].byDefault)) as Pick<WebhookConfig, PlainField>),
  };
}

const longestShownUrl = 2048;

/** The entry for webhooks.json; fields with their default are left out. */
export function toFileEntry(config: WebhookConfig): Record<string, unknown> {
  const { id, name, url, events, secret, enabled, headers, tls } = config;
  const changed = plainNames.filter(
    (field) => field !== 'enabled' && config[field] !== plainFields[field].byDefault,
  );
  return {
    id,
    name,
    url,
    events,
    ...(secret === undefined ? {} : { secret }),
    enabled,
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
    ...Object.fromEntries(changed.map((field) => [field, config[field]])),
    ...(tls === undefined ? {} : { tls }),
  };
}

function checkedUrl(
  value: unknown,
  checkUrl: CheckOptions['checkUrl'],
  errors: FieldError[],
): URL | undefined {
  if (typeof value !== 'string') {
    errors.push({
      in: 'body',
      pointer: '/url',
      message: value === undefined ? 'is required' : 'must be a string',
    });
    return undefined;
  }
  try {
    return checkUrl(value);
  } catch (error) {
    if (!(error instanceof CodeBuddyError) || error.errors === undefined) throw error;
    errors.push(...error.errors);
    return undefined;
  }
}

function checkEvents(
  events: unknown,
  ownTypes: ReadonlySet<string>,
): readonly { readonly pointer: string; readonly message: string }[] {
  if (!Array.isArray(events) || events.length === 0 || events.length > 100)
    return [{ pointer: '', message: "must be a list of 1 to 100 event types, 'group.*' or '*'" }];
  return events.flatMap((pattern: unknown, index) =>
    isPattern(pattern, ownTypes)
      ? []
      : [
          {
            pointer: `/${index}`,
            message: `must be an event type, 'group.*' or '*'; the types are ${[...eventTypes, ...ownTypes].join(', ')}`,
          },
        ],
  );
}

function isPattern(pattern: unknown, ownTypes: ReadonlySet<string>): pattern is string {
  if (typeof pattern !== 'string') return false;
  if (pattern === '*' || isEventType(pattern) || ownTypes.has(pattern)) return true;
  return (
    pattern.endsWith('.*') &&
    [...eventTypes, ...ownTypes].some((type) => type.startsWith(pattern.slice(0, -1)))
  );
}

function text({ minLength: least, maxLength: most }: { minLength: number; maxLength: number }): Rule {
  return (value) => {
    if (typeof value !== 'string') return 'must be a string';
    return value.length >= least && value.length <= most
      ? undefined
      : `must have ${least} to ${most} characters`;
  };
}

function whole({ minimum: least, maximum: most }: { minimum: number; maximum: number }): Rule {
  return (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
      ? undefined
      : `must be a whole number from ${least} to ${most}`;
}

function flag(value: unknown): string | undefined {
  return typeof value === 'boolean' ? undefined : 'must be true or false';
}

function invalid(errors: readonly FieldError[]): CodeBuddyError {
  const words = errors.slice(0, 5).map(({ pointer, message }) => `${pointer || 'the webhook'} ${message}`);
  return new CodeBuddyError('validation_failed', `Invalid webhook: ${words.join('; ')}`, { errors });
}
