// A webhook manager over a real store in its own folder.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { WebhookManager, type WebhookManagerOptions } from '../../src/api/webhooks.ts';

export interface StartedWebhooks {
  readonly webhooks: WebhookManager;
  readonly home: string;
  /** Its warnings. */
  readonly warnings: readonly string[];
}

export function temporaryHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'webhooks-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  return home;
}

export function startWebhooks(options: WebhookManagerOptions = {}): StartedWebhooks {
  const home = options.home ?? temporaryHome();
  const warnings: string[] = [];
  const webhooks = new WebhookManager({
    warn: (message, error) => warnings.push(error === undefined ? message : `${message}: ${String(error)}`),
    ...options,
    home,
  });
  // Registered after the folder's own clean-up, so it runs before.
  onTestFinished(() => webhooks.close());
  return { webhooks, home, warnings };
}

/** Valid data of `tool.start`. */
export function toolStart(number = 1): { callId: string; tool: string; params: Record<string, unknown> } {
  return { callId: `call_${number}`, tool: 'bash', params: { number } };
}

/** A secret in the form of Standard Webhooks. */
export const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
