// The flags of `webhooks add` and `webhooks update` that set a webhook's fields, and the fields they make.

import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { WebhookPatch } from '../client/index.ts';
import { eventPattern, repeated, textOf, wholeNumber } from './option-values.ts';
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
  return command
    .option(
      '--event <type>',
      'which events, as run.complete or tool.*; may be repeated',
      repeated(eventPattern('--event')),
    )
    .option('--name <name>', 'what you call it', textOf('--name', 1, 200))
    .option('--description <text>', 'what it is for', textOf('--description', 0, 1000))
    .option('--secret <secret>', 'signs requests: any text, whsec_… or whsk_… (default: one is generated)')
    .option('--unsigned', 'do not sign requests')
    .option('--ordered', 'one by one, in the order of the log')
    .option('--no-ordered', 'several at once')
    .option('--legacy-signature', 'send X-Webhook-Signature too (the default)')
    .option('--no-legacy-signature', 'leave X-Webhook-Signature out')
    .option('--header <header>', "sent with each request: 'Name: value'; may be repeated", collect)
    .option(
      '--retry-count <n>',
      'retries after the first attempt (default: 21)',
      wholeNumber('--retry-count', 0, 100),
    )
    .option(
      '--retry-delay <ms>',
      'before the first retry; doubles with each (default: 1000)',
      wholeNumber('--retry-delay', 100, 3_600_000),
    )
    .option('--timeout <ms>', 'of one attempt (default: 15000)', wholeNumber('--timeout', 1000, 60_000))
    .option('--tls-cert <file>', 'PEM file with a client certificate, on the server; needs --tls-key')
    .option('--tls-key <file>', 'PEM file with its private key')
    .option('--tls-ca <file>', 'PEM file with certificate authorities to trust for this webhook')
    .option('--no-tls', 'no files for the connection');
}

/** Of an option that may be repeated. */
export function collect(value: string, all: readonly string[] = []): readonly string[] {
  return [...all, value];
}

/** Where events are sent. Which addresses may be reached, the server knows. @throws UsageError */
export function targetUrl(name: string): (text: string) => string {
  return (text) => {
    if (/^https?:\/\/./i.test(text) && URL.canParse(text)) return text;
    throw new UsageError(`${name} is ${JSON.stringify(text)}; it must be a URL as https://example.org/hook`);
  };
}

/** What was said, no more. @throws UsageError for what cannot be a field */
export function readFields(options: FieldOptions): Omit<WebhookPatch, 'url' | 'enabled'> {
  const { event, name, description, secret, unsigned, ordered, legacySignature, header } = options;
  const { retryCount, retryDelay, timeout } = options;
  if (unsigned && secret !== undefined) throw new UsageError('--unsigned and --secret: take one of them');
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

/** Relative paths are those of whoever types them. */
function readTls({ tlsCert, tlsKey, tlsCa, tls }: FieldOptions): Partial<Pick<WebhookPatch, 'tls'>> {
  const files = {
    ...(tlsCert === undefined ? {} : { cert: resolve(tlsCert) }),
    ...(tlsKey === undefined ? {} : { key: resolve(tlsKey) }),
    ...(tlsCa === undefined ? {} : { ca: resolve(tlsCa) }),
  };
  const isGiven = Object.keys(files).length > 0;
  if (tls === false && isGiven)
    throw new UsageError('--no-tls and --tls-cert, --tls-key, --tls-ca: take one of them');
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new UsageError('--tls-cert and --tls-key go together');
  return tls === false ? { tls: null } : isGiven ? { tls: files } : {};
}

function readHeaders(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      // The value stays untold: it may be a secret.
      if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+\s*:/.test(line))
        throw new UsageError("--header must be 'Name: value'");
      return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
    }),
  );
}
