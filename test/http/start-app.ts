// The whole program in this process: config.json, store, agent, webhooks and REST server, and a client that talks to
// it.

import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type App, createApp } from '../../src/app.ts';
import { CodeBuddyClient } from '../../src/client/index.ts';
import { loadSettings } from '../../src/config/load-settings.ts';
import type { Logger } from '../../src/http/logger.ts';
import { databaseSetting } from '../postgres/test-store.ts';

export interface StartedApp {
  readonly app: App;
  readonly client: CodeBuddyClient;
  readonly url: string;
  readonly home: string;
  readonly workspace: string;
  write(path: string, content: string): void;
}

export interface StartAppOptions {
  /** Of config.json. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly environment?: NodeJS.ProcessEnv;
  /** A folder of an earlier start. */
  readonly folder?: string;
  /** @default 0, any free port */
  readonly port?: number;
  readonly logger?: Logger;
}

export async function startApp({
  config = {},
  environment = {},
  folder,
  port = 0,
  logger,
}: StartAppOptions = {}): Promise<StartedApp> {
  const base = folder ?? realpathSync(mkdtempSync(join(tmpdir(), 'codebuddy-app-')));
  const home = join(base, 'home');
  const workspace = join(base, 'workspace');
  for (const path of [join(home, 'api'), workspace]) mkdirSync(path, { recursive: true, mode: 0o700 });
  writeFileSync(join(home, 'api', 'config.json'), JSON.stringify({ models: ['offline'], ...config }));
  const { settings, origins } = loadSettings({
    flags: { home, workspace, port: String(port) },
    environment: { ...(await databaseSetting(home)), ...environment },
  });
  const app = await createApp(settings, {
    origins,
    environment: { PATH: process.env.PATH, ...environment },
    ...(logger === undefined ? {} : { logger }),
  });
  await app.start();
  const client = new CodeBuddyClient({ home });
  onTestFinished(async () => {
    client.close();
    await app.stop();
    rmSync(base, { recursive: true, force: true });
  });
  return {
    app,
    client,
    url: app.url,
    home,
    workspace,
    write(path, content) {
      mkdirSync(dirname(join(workspace, path)), { recursive: true });
      writeFileSync(join(workspace, path), content);
    },
  };
}
