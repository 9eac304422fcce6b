// The parts of the benchmark, in the order in which they run. A new part is one line here and one file with `run`.

import type { BenchOptions, BenchResult } from './bench-result.ts';

export interface Part {
  readonly name: string;
  /** Loads the part when its turn comes. */
  load(): Promise<{ run(options: BenchOptions): Promise<BenchResult> }>;
}

export const parts: readonly Part[] = [
  { name: 'start', load: () => import('./start.ts') },
  { name: 'idle', load: () => import('./idle.ts') },
  { name: 'append', load: () => import('./append.ts') },
  { name: 'append-postgres', load: () => import('./append-postgres.ts') },
  { name: 'nodes', load: () => import('./nodes.ts') },
  { name: 'event-page', load: () => import('./event-page.ts') },
  { name: 'streams', load: () => import('./streams.ts') },
  { name: 'http', load: () => import('./http.ts') },
  { name: 'mcp', load: () => import('./mcp.ts') },
  { name: 'openai', load: () => import('./openai.ts') },
  { name: 'slow-disk', load: () => import('./slow-disk.ts') },
  { name: 'webhooks', load: () => import('./webhooks.ts') },
  { name: 'webhook-peers', load: () => import('./webhook-peers.ts') },
  { name: 'webhook-emit', load: () => import('./webhook-emit.ts') },
  { name: 'webhook-dead', load: () => import('./webhook-dead.ts') },
  { name: 'webhook-drain', load: () => import('./webhook-drain.ts') },
  { name: 'triggers', load: () => import('./triggers.ts') },
  { name: 'agent', load: () => import('./agent.ts') },
  { name: 'acp', load: () => import('./acp.ts') },
  { name: 'file-history', load: () => import('./file-history.ts') },
  { name: 'history', load: () => import('./history.ts') },
  { name: 'dashboard', load: () => import('./dashboard.ts') },
  { name: 'opencode', load: () => import('./peers/opencode.ts') },
];
