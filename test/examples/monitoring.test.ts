// The example rules and the example dashboard use metrics, labels and label values that a server really has.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { type MetricRow, metricRows } from '../../scripts/metrics-page.ts';
import { webhookStatuses } from '../../src/contract/webhook.ts';
import { example } from './start-example.ts';

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly { readonly alert: string; readonly expr: string }[];
  }[];
}

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly targets?: readonly { readonly expr: string }[];
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  }[];
  readonly templating: { readonly list: readonly { readonly query: string }[] };
}

/** Of Prometheus, not of the server. */
const addedLabels = new Set(['instance', 'job', 'le']);
const values: Readonly<Record<string, readonly string[]>> = {
  'codebuddy_webhooks state': webhookStatuses,
  'codebuddy_nodes state': ['alive', 'left', 'dead'],
  'codebuddy_runs status': ['queued', 'running', 'waiting'],
  'codebuddy_runs_ended_total outcome': ['completed', 'failed', 'cancelled', 'interrupted'],
  'codebuddy_run_duration_seconds outcome': ['completed', 'failed', 'cancelled', 'interrupted'],
  'codebuddy_permissions_resolved_total decision': ['allow', 'allow_always', 'deny', 'expired', 'run_ended'],
};

function check(expr: string, rows: readonly MetricRow[]): void {
  const used = [...expr.matchAll(/\b((?:codebuddy|process|nodejs)_\w+)(?:\{([^}]*)\})?/g)];
  if (!expr.startsWith('up{')) expect(used.length, expr).toBeGreaterThan(0);
  for (const [, name = '', selector = ''] of used) {
    const row = rows.find(
      (one) => one.name === name || (one.type === 'histogram' && name === `${one.name}_bucket`),
    );
    if (row === undefined) throw new Error(`${name} is not in /metrics: ${expr}`);
    for (const [, label = '', operator = '', value = ''] of selector.matchAll(/(\w+)(=~?)"([^"]*)"/g)) {
      if (addedLabels.has(label)) continue;
      expect(row.labels, `${name} in ${expr}`).toContain(label);
      const known = values[`${row.name} ${label}`];
      if (label === 'status' && known === undefined) continue; // of HTTP
      for (const one of operator === '=' ? [value] : value.split('|')) expect(known, expr).toContain(one);
    }
    for (const [, labels = ''] of expr.matchAll(/\bby \(([^)]*)\)/g))
      for (const label of labels.split(', '))
        if (!addedLabels.has(label)) expect(row.labels, `${name} in ${expr}`).toContain(label);
  }
}

test('the example rules and dashboard use metrics that exist', async () => {
  const rows = await metricRows();
  const rules = parse(readFileSync(example('prometheus-rules.yaml'), 'utf8')) as Rules;
  const alerts = rules.groups.flatMap((group) => group.rules);
  expect(alerts.length).toBeGreaterThan(5);
  for (const { expr } of alerts) check(expr, rows);

  const dashboard = JSON.parse(readFileSync(example('grafana-dashboard.json'), 'utf8')) as Dashboard;
  const exprs = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  expect(exprs.length).toBeGreaterThan(20);
  for (const expr of exprs) check(expr, rows);
  expect(() => check('rate(codebuddy_gone_total[5m])', rows)).toThrow('codebuddy_gone_total');
  expect(() => check('sum by (tenant) (codebuddy_runs)', rows)).toThrow('tenant');
});

test('the panels of the dashboard do not overlap', () => {
  const { panels } = JSON.parse(readFileSync(example('grafana-dashboard.json'), 'utf8')) as Dashboard;
  for (const [index, { title, gridPos: a }] of panels.entries())
    for (const { title: other, gridPos: b } of panels.slice(index + 1)) {
      const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
      expect(apart, `${title} and ${other}`).toBe(true);
    }
});
