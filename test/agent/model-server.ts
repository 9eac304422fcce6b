// The model server for one test, closed when it ends. Benchmarks use `openModelServer`, which does not depend on
// vitest.

import { onTestFinished } from 'vitest';
import { openModelServer } from './model-server-open.ts';
import type { ModelServer, ModelServerOptions, Replies } from './model-server-types.ts';

export type * from './model-server-types.ts';

export async function startModelServer(reply?: Replies, options?: ModelServerOptions): Promise<ModelServer> {
  const server = await openModelServer(reply, options);
  onTestFinished(() => server.close());
  return server;
}
