// The checks of `codebuddy doctor` that need no server.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { databaseIn, oldFile, triggersFile, webhooksFile } from '../base/home-paths.ts';
import type { Origins, Settings } from '../config/settings.ts';
import { setAsideFiles } from '../registry/set-aside-files.ts';
import { isOwnDatabase } from '../store/sqlite/move-database.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';
import { agentSettings, sandboxSettings } from './agent-settings.ts';
import { describeRefused } from './readiness.ts';
import { ownFiles, stateFolder } from './server-files.ts';
import { targetSettings } from './webhook-settings.ts';

export { describeAttention } from '../http/resources/webhook-attention.ts';
export { findWebhookFaults } from './webhook-settings.ts';

export interface Inspected {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** Copies of a webhooks.json that could not be used. */
export function setAsideIn({ home }: Settings): readonly string[] {
  return setAsideFiles(webhooksFile(home));
}

/** Checks webhooks.json: the entries that a start would refuse, or why the file cannot be used. */
export async function inspectWebhooksFile(settings: Settings): Promise<Inspected> {
  const { inspectWebhooks } = await import('../webhooks/inspect-webhooks.ts');
  const path = webhooksFile(settings.home);
  const { count, fault, refused } = inspectWebhooks({ path, ...targetSettings(settings) });
  const detail = fault === undefined ? `${count} in ${path}` : `${path} cannot be used: ${fault}`;
  return {
    name: 'webhooks',
    ok: fault === undefined && refused.length === 0,
    detail: detail + describeRefused(refused),
  };
}

/** Checks triggers.json in the same way; nothing if there is none. */
export async function inspectTriggersFile({ home }: Settings): Promise<readonly Inspected[]> {
  const path = triggersFile(home);
  const { inspectFile } = await import('../registry/inspect-file.ts');
  const { triggerEntries } = await import('../triggers/trigger-entries.ts');
  const found = inspectFile(path, triggerEntries);
  if (found === undefined) return [];
  const { count, fault, refused } = found;
  const named = refused.map(({ id, reason }) => `; ${id} is refused: ${reason}`).join('');
  const detail = fault === undefined ? `${count} in ${path}${named}` : `${path} cannot be used: ${fault}`;
  return [{ name: 'triggers', ok: fault === undefined && refused.length === 0, detail }];
}

/** Checks the model that would answer, the sandbox and the MCP servers. */
export async function inspectAgentSettings(
  settings: Settings,
  origins: Origins,
): Promise<readonly Inspected[]> {
  const { inspectAgent } = await import('../agent/inspect-agent.ts');
  return inspectAgent({
    ...agentSettings(settings, origins),
    workspace: settings.workspace,
    serverFolder: join(stateFolder(settings), 'mcp'),
    sandbox: { ...sandboxSettings(settings), hidden: ownFiles(settings) },
    environment: process.env,
    stateFolder: stateFolder(settings),
  });
}

/** The path of the SQLite file, or while it is still in the old place, of the one that the next start moves. */
export function findDatabase(home: string, path: string): string {
  const old = oldFile(home, 'codebuddy.db');
  const isMissing = path === databaseIn(home) && !existsSync(path);
  return isMissing && existsSync(old) && isOwnDatabase(old) ? old : path;
}

/**
 * Opens a database that no server has open and returns the sequence number of its last event. @throws StoreOpenError
 */
export async function lastEventIn(path: string): Promise<number> {
  const store = await openSqliteStore({ path });
  try {
    return (await store.eventBounds()).last;
  } finally {
    await store.close();
  }
}
