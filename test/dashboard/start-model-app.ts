// The dashboard of a server whose model is a local one that answers as the test says.

import { startModelServer } from '../agent/model-server.ts';
import type { ModelServer, Replies } from '../agent/model-server-types.ts';
import type { Dashboard, PageOptions, StartedDashboard } from './start-dashboard.ts';

export interface ModelDashboard extends StartedDashboard {
  readonly model: ModelServer;
}

export async function startWithModel(
  dashboard: Dashboard,
  replies: Replies,
  options: PageOptions = {},
): Promise<ModelDashboard> {
  const model = await startModelServer(replies);
  const config = { models: ['local/m'], providers: { local: { baseURL: `${model.url}/v1` } } };
  return { ...(await dashboard.start({ ...options, config })), model };
}
