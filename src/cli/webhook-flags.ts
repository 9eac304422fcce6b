// The flags of `webhooks create` and `webhooks update` that set fields of the webhook, and the fields that they set.

import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { WebhookPatch } from '../client/index.ts';
import { webhookLimits } from '../contract/webhook-limits.ts';
import { Flag } from './flag.ts';
import { eventPattern, invalid, repeated, textOf, wholeNumber } from './option-values.ts';
import { UsageError } from './usage-error.ts';

export interface FieldOptions {
  readonly event?: readonly string[];
  readonly name?: string;
  readonly secret?: string;
  readonly unsigned?: boolean;
  readonly ordered?: boolean;
  readonly legacySignature?: boolean;
  readonly header?: readonly string[];
  readonly retryCount?: number;
  readonly retryDelay?: number;
  readonly timeout?: number;
  readonly description?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
  readonly tls?: boolean;
}

/** Adds the flags. */
export function withFields(command: Command): Command {
  const flags = [
    new Flag('--event <type>', "event type to send, such as run.complete or 'tool.*'; may be repeated", {
      field: 'events',
      parse: repeated(eventPattern('--event')),
    }),
    new Flag('--name <name>', 'name of the webhook', {
      field: 'name',
      parse: textOf('--name', webhookLimits.name),
    }),
    new Flag('--description <text>', 'description', {
      field: 'description',
      parse: textOf('--description', webhookLimits.description),
    }),
    new Flag(
      '--secret <secret>',
      'secret that signs requests: any text, whsec_… or whsk_… (default for a new webhook: a generated one)',
      { field: 'secret' },
    ),
    new Flag('--unsigned', 'do not sign requests'),
    new Flag('--ordered', 'send one event at a time, in the order of the log', { field: 'ordered' }),
    new Flag('--no-ordered', 'send several events at the same time (default)'),
    new Flag('--legacy-signature', 'also send the header X-Webhook-Signature (default)', {
      field: 'legacySignature',
    }),
    new Flag('--no-legacy-signature', 'do not send X-Webhook-Signature'),
    new Flag('--header <header>', "header of each request, as 'Name: value'; may be repeated", {
      field: 'headers',
      parse: repeated((text: string) => text),
    }),
    new Flag(
      '--retry-count <n>',
      `retries after the first attempt (default: ${webhookLimits.retryCount.default})`,
      {
        field: 'retryCount',
        parse: wholeNumber('--retry-count', webhookLimits.retryCount),
      },
    ),
    new Flag(
      '--retry-delay <ms>',
      `delay before the first retry; doubles with each retry (default: ${webhookLimits.retryDelay.default})`,
      {
        field: 'retryDelay',
        parse: wholeNumber('--retry-delay', webhookLimits.retryDelay),
      },
    ),
    new Flag('--timeout <ms>', `timeout of each attempt (default: ${webhookLimits.timeout.default})`, {
      field: 'timeout',
      parse: wholeNumber('--timeout', webhookLimits.timeout),
    }),
    new Flag('--tls-cert <file>', 'PEM file on the server with a client certificate; needs --tls-key', {
      field: 'tls/cert',
    }),
    new Flag('--tls-key <file>', 'PEM file on the server with the private key of --tls-cert', {
      field: 'tls/key',
    }),
    new Flag('--tls-ca <file>', 'PEM file on the server with certificate authorities to trust', {
      field: 'tls/ca',
    }),
    new Flag('--no-tls', 'remove the TLS files'),
  ];
  for (const flag of flags) command.addOption(flag);
  return command;
}

/** Parses the URL of a webhook. Only the server knows which addresses are allowed. @throws UsageError */
export function targetUrl(name: string): (text: string) => string {
  return (text) => {
    if (/^https?:\/\/./i.test(text) && URL.canParse(text)) return text;
    throw invalid(name, 'a URL such as https://example.org/hook', text);
  };
}

/** Returns only the fields whose flags were given. @throws UsageError for flags that cannot be combined */
export function readFields(options: FieldOptions): Omit<WebhookPatch, 'url' | 'enabled'> {
  const { event, name, description, secret, unsigned, ordered, legacySignature, header } = options;
  const { retryCount, retryDelay, timeout } = options;
  if (unsigned && secret !== undefined) throw new UsageError('--unsigned and --secret cannot be combined.');
  return {
    ...(event === undefined ? {} : { events: event }),
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(unsigned ? { secret: null } : secret === undefined ? {} : { secret }),
    ...(ordered === undefined ? {} : { ordered }),
    ...(legacySignature === undefined ? {} : { legacySignature }),
    ...(header === undefined ? {} : { headers: readHeaders(header) }),
    ...readTls(options),
    ...(retryCount === undefined ? {} : { retryCount }),
    ...(retryDelay === undefined ? {} : { retryDelay }),
    ...(timeout === undefined ? {} : { timeout }),
  };
}

/** Relative paths are resolved against the current folder, not the server's. */
function readTls({ tlsCert, tlsKey, tlsCa, tls }: FieldOptions): Partial<Pick<WebhookPatch, 'tls'>> {
  const files = {
    ...(tlsCert === undefined ? {} : { cert: resolve(tlsCert) }),
    ...(tlsKey === undefined ? {} : { key: resolve(tlsKey) }),
    ...(tlsCa === undefined ? {} : { ca: resolve(tlsCa) }),
  };
  const isGiven = Object.keys(files).length > 0;
  if (tls === false && isGiven)
    throw new UsageError('--no-tls cannot be combined with --tls-cert, --tls-key or --tls-ca.');
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new UsageError('--tls-cert and --tls-key need each other.');
  return tls === false ? { tls: null } : isGiven ? { tls: files } : {};
}

function readHeaders(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      // The value is not shown: it may be a secret.
      if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+\s*:/.test(line))
        throw new UsageError('--header must be "Name: value".');
      return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
    }),
  );
}
