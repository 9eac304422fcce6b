import { expect, test } from 'vitest';
import { RestApiServer } from '../../../src/api/rest-server.ts';
import { version } from '../../../src/base/version.ts';
import { renderPrometheus } from '../../../src/http/metrics/prometheus-text.ts';
import { startModelServer } from '../../agent/model-server.ts';
import { calls, says } from '../../agent/start-model-agent.ts';
import { startApp } from '../start-app.ts';
import { startServer } from '../start-server.ts';
import { appendMany, startServerWithStore } from '../start-server-with-store.ts';

interface Parsed {
  readonly types: ReadonlyMap<string, string>;
  readonly samples: ReadonlyMap<string, number>;
}

const sampleLine =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)+\})? (-?[\d.e+-]+|[+-]Inf|NaN)$/;

/** By the grammar of the text format: any other line fails. */
function parse(text: string): Parsed {
  expect(text.endsWith('\n')).toBe(true);
  const types = new Map<string, string>();
  const samples = new Map<string, number>();
  for (const line of text.slice(0, -1).split('\n')) {
    const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line);
    if (type !== null) types.set(type[1] as string, type[2] as string);
    if (line.startsWith('#')) continue;
    const sample = sampleLine.exec(line);
    if (sample === null) throw new Error(`Not a sample: ${line}`);
    const [, name = '', labels = '', value = ''] = sample;
    const series = `${name}${labels}`;
    if (samples.has(series)) throw new Error(`Twice: ${series}`);
    const family = name.replace(/_(bucket|sum|count)$/, '');
    if (!types.has(name) && !types.has(family)) throw new Error(`No TYPE before ${line}`);
    samples.set(series, Number(value.replace('Inf', 'Infinity')));
  }
  return { types, samples };
}

test('Prometheus metrics cover requests by method, route and status, durations, readers, appends and the process', async () => {
  const { get, log } = await startServerWithStore();
  await appendMany(log, 7);
  await get('/api/events');
  await get('/api/events/evt_none');
  await get('/nowhere');
  const response = await get('/metrics');
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const { samples, types } = parse(await response.text());
  expect(samples.get('codebuddy_http_requests_total{method="GET",route="/api/events",status="200"}')).toBe(1);
  expect(
    samples.get('codebuddy_http_requests_total{method="GET",route="/api/events/:id",status="404"}'),
  ).toBe(1);
  expect([...samples.keys()].some((series) => series.includes('nowhere'))).toBe(false);
  expect(samples.get('codebuddy_http_requests_in_flight')).toBe(1);
  expect(samples.get('codebuddy_sse_readers')).toBe(0);
  expect(samples.get('codebuddy_events_appended_total')).toBe(7);
  expect(samples.get('codebuddy_runs_active')).toBe(0);
  expect(types.get('codebuddy_http_request_duration_seconds')).toBe('histogram');
  for (const name of [
    'process_cpu_seconds_total',
    'process_resident_memory_bytes',
    'process_start_time_seconds',
    'nodejs_eventloop_lag_seconds',
    'nodejs_heap_size_used_bytes',
  ])
    expect(samples.get(name), name).toBeGreaterThan(0);
});

test('histogram buckets are cumulative up to the count', async () => {
  const { get } = await startServerWithStore();
  for (let index = 0; index < 5; index++) await get('/api/runs');
  const { samples } = parse(await (await get('/metrics')).text());
  const buckets = [...samples].filter(([series]) =>
    series.startsWith('codebuddy_http_request_duration_seconds_bucket{method="GET",route="/api/runs"'),
  );
  const values = buckets.map(([, value]) => value);
  expect(values).toEqual(values.toSorted((left, right) => left - right));
  expect(buckets.at(-1)?.[0]).toContain('le="+Inf"');
  expect(values.at(-1)).toBe(5);
  const labels = '{method="GET",route="/api/runs"}';
  expect(samples.get(`codebuddy_http_request_duration_seconds_count${labels}`)).toBe(5);
  expect(samples.get(`codebuddy_http_request_duration_seconds_sum${labels}`)).toBeGreaterThan(0);
});

test('label values and help are escaped', () => {
  const text = renderPrometheus([
    { name: 'a', help: 'one\ntwo \\', type: 'gauge', samples: [{ labels: { route: 'x"y\\z\n' }, value: 1 }] },
  ]);
  expect(text).toBe('# HELP a one\\ntwo \\\\\n# TYPE a gauge\na{route="x\\"y\\\\z\\n"} 1\n');
  parse(text);
});

test('metrics of the host are merged into the JSON, and are gauges for Prometheus', async () => {
  const server = await startServerWithStore();
  server.server.onGetMetrics = () => ({
    sseReaders: 'mine',
    queue: { pendingJobs: 3, name: 'q' },
    'odd key!': 1.5,
  });
  const { metrics } = await (await server.get('/api/metrics')).json();
  expect(metrics).toMatchObject({
    sseReaders: 'mine',
    queue: { pendingJobs: 3, name: 'q' },
    requests: { inFlight: 1 },
    eventsAppendedTotal: 0,
  });
  expect(metrics.process.residentMemoryBytes).toBeGreaterThan(1e6);
  const { samples } = parse(await (await server.get('/metrics')).text());
  expect(samples.get('codebuddy_host_queue_pending_jobs')).toBe(3);
  expect(samples.get('codebuddy_host_odd_key_')).toBe(1.5);
});

test('failing metrics of the host do not remove the others', async () => {
  const server = await startServerWithStore();
  server.server.onGetMetrics = () => {
    throw new Error('no figures');
  };
  expect((await server.get('/metrics')).status).toBe(200);
  expect((await server.get('/api/metrics')).status).toBe(500);
});

test('the bare library has metrics and docs, but no routes of missing services', async () => {
  const server = new RestApiServer({ port: 0 });
  const { url } = await server.start();
  try {
    expect((await fetch(`${url}/metrics`)).status).toBe(200);
    expect((await fetch(`${url}/docs`)).status).toBe(200);
    for (const path of ['/api/events', '/api/runs', '/api/keys', '/api/event-types'])
      expect((await fetch(url + path)).status, path).toBe(404);
  } finally {
    await server.stop();
  }
});

test('metrics cover runs by outcome and duration, tokens, cost, permissions, webhooks by state and the build', async () => {
  const model = await startModelServer(({ messages }) => {
    if (messages.some(({ text }) => text.includes('fail'))) return { kind: 'error', status: 401 };
    if (messages.at(-1)?.text === 'ask') return calls('bash', { command: 'true' });
    return { ...says('Done.'), usage: { input: 7, output: 3 } };
  });
  const { client } = await startApp({
    config: { models: ['local/m'], providers: { local: { baseURL: `${model.url}/v1` } }, watch: false },
  });
  await client.prompt({ prompt: 'hi' });
  await expect(client.prompt({ prompt: 'fail' })).rejects.toMatchObject({ status: 502 });
  await client.prompt({ prompt: 'ask' }, { onPermission: async () => ({ decision: 'deny' }) });
  await expect(client.prompt({ prompt: 'ask' })).rejects.toMatchObject({ name: 'PermissionRequiredError' });
  await client.webhooks.create({ url: `${model.url}/hook`, enabled: false });
  // With several nodes, a node owns a new webhook a moment later.
  const disabled = 'codebuddy_webhooks{state="disabled"}';
  await expect.poll(async () => parse(await client.prometheusMetrics()).samples.get(disabled)).toBe(1);
  const { samples, types } = parse(await client.prometheusMetrics());
  const figure = (series: string): number | undefined => samples.get(series);
  expect(figure('codebuddy_runs_ended_total{outcome="completed"}')).toBe(2);
  expect(figure('codebuddy_runs_ended_total{outcome="failed"}')).toBe(1);
  expect(figure('codebuddy_runs_ended_total{outcome="cancelled"}')).toBe(0);
  expect(figure('codebuddy_runs{status="waiting"}')).toBe(1);
  expect(types.get('codebuddy_run_duration_seconds')).toBe('histogram');
  expect(figure('codebuddy_run_duration_seconds_count{outcome="completed"}')).toBe(2);
  expect(figure('codebuddy_run_duration_seconds_bucket{outcome="completed",le="+Inf"}')).toBe(2);
  expect(figure('codebuddy_tokens_total{model="local/m",direction="input"}')).toBeGreaterThanOrEqual(14);
  expect(figure('codebuddy_tokens_total{model="local/m",direction="output"}')).toBeGreaterThanOrEqual(6);
  expect(figure('codebuddy_cost_usd_total{model="local/m"}')).toBe(0);
  expect(figure('codebuddy_permissions_pending')).toBe(1);
  expect(figure('codebuddy_permissions_requested_total')).toBe(2);
  expect(figure('codebuddy_permissions_resolved_total{decision="deny"}')).toBe(1);
  expect(figure(`codebuddy_build_info{version="${version}",node="${process.version}"}`)).toBe(1);
  const { metrics } = (await client.metrics()) as { metrics: Record<string, Record<string, unknown>> };
  expect(metrics.runs?.ended).toEqual({ completed: 2, failed: 1, cancelled: 0, interrupted: 0 });
  expect(metrics.permissions).toMatchObject({ pending: 1, requested: 2 });
  expect(metrics.webhooks?.byState).toMatchObject({ disabled: 1 });
  expect(metrics.build).toEqual({ version, node: process.version });
});

test('prompts answered by a host are counted like runs', async () => {
  const { request } = await startServer({
    handlers: {
      onPrompt: (prompt) => {
        if (prompt === 'fail') throw new Error('no');
        return {
          response: 'yes',
          model: 'mine',
          usage: { inputTokens: 5, outputTokens: 2, totalTokens: 7 },
          cost: 0.25,
        };
      },
    },
  });
  for (const prompt of ['a', 'fail', 'b']) await request('POST', '/api/prompt', { body: { prompt } });
  const stream = { accept: 'text/event-stream' };
  await request('POST', '/api/prompt', { body: { prompt: 'c' }, headers: stream });
  const { samples } = parse((await request('GET', '/metrics')).text);
  expect(samples.get('codebuddy_runs_ended_total{outcome="completed"}')).toBe(3);
  expect(samples.get('codebuddy_runs_ended_total{outcome="failed"}')).toBe(1);
  expect(samples.get('codebuddy_tokens_total{model="mine",direction="input"}')).toBe(15);
  expect(samples.get('codebuddy_cost_usd_total{model="mine"}')).toBe(0.75);
});

test('the durations of requests in the JSON metrics exclude streams', async () => {
  const { client, url } = await startApp();
  const { key } = await client.keys.create({ name: 'reader', scopes: ['read'] });
  const headers = { 'x-api-key': key, accept: 'text/event-stream' };
  const leaving = new AbortController();
  await fetch(`${url}/api/events`, { headers, signal: leaving.signal });
  leaving.abort();
  await expect
    .poll(async () => {
      const { requests, sseReaders } = (await client.metrics()).metrics as {
        readonly sseReaders: number;
        readonly requests: {
          readonly total: number;
          readonly durations: {
            readonly count: number;
            readonly buckets: readonly { readonly seconds: number; readonly count: number }[];
          };
        };
      };
      const { count, buckets } = requests.durations;
      return { sseReaders, streams: requests.total - count, isWhole: buckets.at(-1)?.count === count };
    })
    .toEqual({ sseReaders: 0, streams: 1, isWhole: true });
});
