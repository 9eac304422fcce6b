// The model server for one test: closes with it. Benchmarks take `openModelServer`, which knows nothing of vitest.

import { onTestFinished } from 'vitest';
import { openModelServer } from './model-server-open.ts';
import type { ModelServer, ModelServerOptions, Replies } from './model-server-types.ts';

export type * from './model-server-types.ts';

export async function startModelServer(reply?: Replies, options?: ModelServerOptions): Promise<ModelServer> {
  const server = await openModelServer(reply, options);
  onTestFinished(() => server.close());
  return server;
}
