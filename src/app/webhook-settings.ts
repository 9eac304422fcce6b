// The settings that webhooks take, checked as at a start.

import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileError } from '../base/file-errors.ts';
import type { Settings } from '../config/settings.ts';
import { parseAllowed } from '../webhooks/url-guard.ts';

/** The targets that deliveries may have. A server that only this machine reaches may also send to this machine. */
export function targetSettings({ allowedTargets, host }: Settings) {
  const allowLoopback = host === 'localhost' || host === '::1' || host.startsWith('127.');
  return { allowedTargets, allowLoopback };
}

/** Returns one sentence for each invalid entry of `allowedTargets`. */
export function findTargetFaults(allowedTargets: readonly string[]): readonly string[] {
  return allowedTargets.flatMap((entry) => {
    try {
      parseAllowed(entry);
      return [];
    } catch (error) {
      if (error instanceof TypeError) return [`allowedTargets (--allowed-target): ${error.message}`];
      throw error;
    }
  });
}

/** Reads the PEM file of `webhookCa`. @throws Error that names the file */
export function readCertificates(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw fileError(path, '(webhookCa) cannot be read', cause);
  }
  try {
    new X509Certificate(text);
  } catch (cause) {
    throw new Error(`${path} (webhookCa) does not start with a certificate in PEM format`, { cause });
  }
  return text;
}

/** Returns one sentence for each invalid setting of webhooks. */
export function findWebhookFaults({
  allowedTargets,
  webhookCa,
}: Pick<Settings, 'allowedTargets' | 'webhookCa'>): readonly string[] {
  const faults = [...findTargetFaults(allowedTargets)];
  try {
    if (webhookCa !== undefined) readCertificates(webhookCa);
  } catch (error) {
    faults.push(error instanceof Error ? error.message : String(error));
  }
  return faults;
}
