// A config folder and a workspace whose agent is a scripted model.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startModelServer } from '../agent/model-server.ts';
import type { ModelServer, Replies } from '../agent/model-server-types.ts';
import { type Server, serve, temporaryFolder } from './run-cli.ts';

export interface ModelHome {
  readonly home: string;
  readonly workspace: string;
  readonly model: ModelServer;
  readonly server: Server;
}

export async function serveModel(
  reply: Replies,
  config: Readonly<Record<string, unknown>> = {},
): Promise<ModelHome> {
  const folder = temporaryFolder();
  const home = join(folder, 'home');
  const workspace = join(folder, 'workspace');
  for (const path of [home, workspace]) mkdirSync(path, { mode: 0o700 });
  const model = await startModelServer(reply);
  writeFileSync(
    join(home, 'config.json'),
    JSON.stringify({ models: ['local/m'], providers: { local: { baseURL: `${model.url}/v1` } }, ...config }),
  );
  const server = await serve(home, [], { CODEBUDDY_MODEL: '', CODEBUDDY_WORKSPACE: workspace });
  return { home, workspace, model, server };
}
