// Metrics of the nodes that share the database. Each node is scraped by itself, so it reports its own figures, and of
// the others only how many there are.

import type { Node, NodeLeaseState } from '../../contract/node.ts';
import type { MetricFamily, Sample } from './prometheus-text.ts';

/** Figures that need no database, so they are there when it is away. */
export function leaseFamilies({ nodeId, leftMs }: NodeLeaseState): readonly MetricFamily[] {
  return [
    gauge('codebuddy_node_info', 'The id of this node. Each start has a new id.', [
      { labels: { node: nodeId }, value: 1 },
    ]),
    gauge(
      'codebuddy_node_lease_seconds',
      'Seconds that the lease of this node is still good. +Inf on SQLite; at 0 the node starts no work.',
      [{ value: leftMs / 1000 }],
    ),
  ];
}

export function nodeFamilies(nodes: readonly Node[]): readonly MetricFamily[] {
  const { alive, left, dead, owns, lag } = nodeFigures(nodes);
  return [
    gauge('codebuddy_nodes', 'Nodes of the database that were seen in the last hour.', [
      { labels: { state: 'alive' }, value: alive },
      { labels: { state: 'left' }, value: left },
      { labels: { state: 'dead' }, value: dead },
    ]),
    gauge('codebuddy_node_lanes', 'Webhooks whose deliveries this node sends.', [{ value: owns.lanes }]),
    gauge('codebuddy_node_runs', 'Unfinished runs that this node owns.', [{ value: owns.runs }]),
    gauge(
      'codebuddy_node_lag_events',
      'Events of the log that this node has not seen.',
      lag === null ? [] : [{ value: lag }],
    ),
  ];
}

/** For `GET /api/metrics`. */
export function nodeMetrics({ nodeId, leftMs }: NodeLeaseState, nodes: readonly Node[]) {
  const { alive, left, dead, owns, lag } = nodeFigures(nodes);
  const leaseSeconds = Number.isFinite(leftMs) ? leftMs / 1000 : null;
  return {
    self: nodeId,
    leaseSeconds,
    alive,
    left,
    dead,
    lanes: owns.lanes,
    runs: owns.runs,
    lagEvents: lag,
  };
}

function nodeFigures(nodes: readonly Node[]) {
  const count = (status: Node['status']): number => nodes.filter((node) => node.status === status).length;
  const own = nodes.find(({ self }) => self);
  return {
    alive: count('alive'),
    left: count('left'),
    dead: count('dead'),
    owns: own?.owns ?? { lanes: 0, runs: 0 },
    lag: own?.lag ?? null,
  };
}

function gauge(name: string, help: string, samples: readonly Sample[]): MetricFamily {
  return { name, help, type: 'gauge', samples };
}
