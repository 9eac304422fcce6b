// Makes docs/metrics.md from the answer of a real server to `GET /metrics` after a prompt and a delivery, so that each
// metric is listed with its labels.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startScriptedModel } from '../examples/scripted-model.ts';
import { createApp } from '../src/app.ts';
import { CodeBuddyClient } from '../src/client/index.ts';
import { loadSettings } from '../src/config/load-settings.ts';

export interface MetricRow {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/** Returns the metrics of a server, in the order of its answer. */
export async function metricRows(): Promise<readonly MetricRow[]> {
  const base = mkdtempSync(join(tmpdir(), 'codebuddy-docs-'));
  const [home, workspace] = [join(base, 'home'), join(base, 'workspace')];
  for (const path of [join(home, 'api'), workspace]) mkdirSync(path, { recursive: true, mode: 0o700 });
  const model = await startScriptedModel();
  const config = {
    // A name with a known price, for the metric of the cost.
    models: ['mistral/mistral-small-latest'],
    providers: { mistral: { baseURL: model.baseURL } },
    logLevel: 'silent',
  };
  writeFileSync(join(home, 'api', 'config.json'), JSON.stringify(config));
  const { settings } = loadSettings({ flags: { home, workspace, port: '0' }, environment: {} });
  const app = await createApp(settings, { environment: { PATH: process.env.PATH } });
  const receiver = createServer((request, response) => request.resume().on('end', () => response.end()));
  let client: CodeBuddyClient | undefined;
  try {
    await app.start();
    client = new CodeBuddyClient({ home });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    const address = receiver.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const { id } = await client.webhooks.create({ url: `http://127.0.0.1:${address.port}/` });
    await client.webhooks.test(id);
    await client.prompt('Fix the failing test.', { onPermission: async () => ({ decision: 'deny' }) });
    for (;;) {
      const rows = parse(await client.prometheusMetrics());
      // The delivery is sent after the answer.
      if (rows.some(({ name, labels }) => name.endsWith('_attempt_duration_seconds') && labels.length > 0))
        return rows;
    }
  } finally {
    client?.close();
    await app.stop();
    model.close();
    receiver.closeAllConnections();
    receiver.close();
    rmSync(base, { recursive: true, force: true });
  }
}

function parse(text: string): readonly MetricRow[] {
  const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]));
  return [...text.matchAll(/^# HELP (\S+) (.*)$/gm)].map(([, name = '', help = '']) => {
    const samples = text.matchAll(new RegExp(`^${name}(?:_bucket|_sum|_count)?\\{(.*?)\\} `, 'gm'));
    const labels = [...samples].flatMap(([, pairs = '']) =>
      [...pairs.matchAll(/(\w+)="/g)].map(([, label = '']) => label),
    );
    return {
      name,
      help,
      type: types.get(name) ?? '',
      labels: [...new Set(labels)].filter((label) => label !== 'le'),
    };
  });
}

/** Returns the text of docs/metrics.md. */
export async function metricsPage(generated: string): Promise<string> {
  const rows = (await metricRows()).map(
    ({ name, type, labels, help }) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
  );
  return `${generated}

# Metrics

\`GET /metrics\` is for Prometheus; \`GET /api/metrics\` returns the same figures as JSON. Both need a key with the
scope \`read\`. Counters start at 0 with each process. A histogram has \`_bucket\`, \`_sum\` and \`_count\`.

[Operations](operations.md#watch-it) says which of them to watch, with example rules and a dashboard.

| metric | type | labels | meaning |
| --- | --- | --- | --- |
${rows.join('\n')}

\`route\` is the pattern of a route, never a path. \`model\` is \`other\` after the first 100 models. Prompts answered by a
host application count as runs. \`process_open_fds\` exists on Linux only.
`;
}
