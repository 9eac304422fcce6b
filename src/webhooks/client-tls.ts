// The files of a webhook's `tls`: a client certificate for its receiver, and certificate authorities trusted for this
// webhook only. They are read again when they change, so a certificate can be renewed in place.

import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { createSecureContext } from 'node:tls';
import { CodeBuddyError } from '../base/errors.ts';
import type { WebhookTls } from '../contract/webhook-tls.ts';
import { TransportError } from './transport-result.ts';

/** The content of the files. */
export interface ClientTlsFiles {
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
}

const names = ['cert', 'key', 'ca'] as const;

/** Check a `tls` as given, without reading its files. Returns its faults. */
export function checkClientTls(
  value: unknown,
): readonly { readonly pointer: string; readonly message: string }[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return [{ pointer: '', message: 'must be an object with cert and key, ca, or all three' }];
  const entries = Object.entries(value);
  const faults = entries.flatMap(([name, path]) => {
    if (!(names as readonly string[]).includes(name))
      return [
        { pointer: `/${name.slice(0, 100)}`, message: 'is not a field of tls; its fields are cert, key, ca' },
      ];
    return typeof path === 'string' && isAbsolute(path) && !path.includes('\0') && path.length <= 4096
      ? []
      : [{ pointer: `/${name}`, message: 'must be the absolute path of a PEM file' }];
  });
  const has = (name: string): boolean => Object.hasOwn(value, name);
  if (has('cert') !== has('key'))
    faults.push({
      pointer: has('cert') ? '/key' : '/cert',
      message: 'is required: cert and key go together',
    });
  if (entries.length === 0) faults.push({ pointer: '', message: 'must name cert and key, ca, or all three' });
  return faults;
}

/** Check that the files can be used. @throws CodeBuddyError `validation_failed` naming the file that cannot */
export function checkClientTlsFiles(tls: WebhookTls): void {
  for (const name of names) {
    const path = tls[name];
    if (path === undefined || isUsable(name, path)) continue;
    throw invalid(
      `/tls/${name}`,
      `must be a PEM file that this server can read; it is ${JSON.stringify(path)}`,
    );
  }
  try {
    createSecureContext({ ...readClientTls(tls) });
  } catch {
    // OpenSSL's message could reveal what a file contains.
    throw invalid('/tls/key', 'must be the private key of the certificate in cert, without a passphrase');
  }
}

function isUsable(name: (typeof names)[number], path: string): boolean {
  try {
    const text = readPem(path);
    if (name === 'key') return text.includes('PRIVATE KEY-----');
    return new X509Certificate(text).subject !== undefined;
  } catch {
    // The reason is not reported: it would tell the caller about files that it may not read.
    return false;
  }
}

/** @throws TransportError `client_certificate_unusable` */
export function readClientTls(tls: WebhookTls): ClientTlsFiles {
  const files: { -readonly [Name in keyof ClientTlsFiles]: string } = {};
  for (const name of names) {
    const path = tls[name];
    if (path === undefined) continue;
    try {
      files[name] = readPem(path);
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code ?? 'not a file';
      // Without the path: the message is shown to every key that may read the webhook's state.
      const message = `The file of tls.${name} cannot be read (${code})`;
      throw new TransportError('client_certificate_unusable', message, { cause });
    }
  }
  return files;
}

const maxPemBytes = 1024 * 1024;
const kept = new Map<string, { readonly stamp: string; readonly text: string }>();

function readPem(path: string): string {
  const stats = statSync(path);
  if (!stats.isFile() || stats.size > maxPemBytes) throw new Error('not a PEM file');
  const stamp = `${stats.mtimeMs} ${stats.size} ${stats.ino}`;
  const known = kept.get(path);
  if (known?.stamp === stamp) return known.text;
  const text = readFileSync(path, 'latin1');
  if (kept.size >= 1000) kept.clear();
  kept.set(path, { stamp, text });
  return text;
}

function invalid(pointer: string, message: string): CodeBuddyError {
  return new CodeBuddyError('validation_failed', `Invalid webhook: ${pointer} ${message}`, {
    errors: [{ in: 'body', pointer, message }],
  });
}
