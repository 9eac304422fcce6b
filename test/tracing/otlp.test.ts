// Traces of the whole program, as a collector and the receivers of webhooks see them.

import { mkdtempSync, readFileSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Logger } from '../../src/http/logger.ts';
import { startModelServer } from '../agent/model-server.ts';
import { calls, says } from '../agent/start-model-agent.ts';
import { type StartAppOptions, type StartedApp, startApp } from '../http/start-app.ts';
import { waitFor } from '../wait-for.ts';
import { startReceiver } from '../webhooks/recording-receiver.ts';
import { type CollectedSpan, startCollector } from './start-collector.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const callerSpan = '00f067aa0ba902b7';
const traceparent = `00-${traceId}-${callerSpan}-01`;
const soon = { OTEL_BSP_SCHEDULE_DELAY: '30' };

function request(
  { app }: Pick<StartedApp, 'app'>,
  method: string,
  path: string,
  { body, headers = {} }: { readonly body?: unknown; readonly headers?: Record<string, string> } = {},
): Promise<Response> {
  return fetch(`${app.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${readFileSync(app.keyFile, 'utf8').trim()}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

async function startWithModel(
  collector: { readonly url: string },
  { environment, ...options }: StartAppOptions = {},
) {
  const model = await startModelServer([
    calls('list_directory', { path: '.' }, 'I look around.'),
    says('Nothing here.'),
  ]);
  const started = await startApp({
    ...options,
    config: {
      models: ['local/test-model'],
      providers: { local: { baseURL: `${model.url}/v1` } },
      permissionMode: 'full',
      otlpEndpoint: collector.url,
      ...options.config,
    },
    environment: { ...soon, ...environment },
  });
  return { ...started, model };
}

const only = (spans: readonly CollectedSpan[]): CollectedSpan => {
  expect(spans).toHaveLength(1);
  return spans[0] as CollectedSpan;
};

describe('a prompt with a traceparent', () => {
  it('is one trace from the request to the retried delivery, without any content', async () => {
    const collector = await startCollector();
    const receiver = await startReceiver();
    receiver.answer((_received, response) => {
      response.statusCode = receiver.requests.length === 1 ? 500 : 200;
      response.end();
    });
    const started = await startWithModel(collector, {
      environment: {
        OTEL_SERVICE_NAME: 'my-agent',
        OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
        OTEL_EXPORTER_OTLP_HEADERS: 'x-collector-key=s%20ecret',
      },
    });
    await started.client.webhooks.create({
      url: receiver.url,
      events: ['run.complete'],
      retryDelay: 100,
    });
    const answer = await request(started, 'POST', '/api/prompt', {
      body: { prompt: 'A very private question' },
      headers: { traceparent, tracestate: 'vendor=abc, other=1' },
    });
    expect(answer.status).toBe(200);
    const deliveries = await collector.named('deliver run.complete', 2);
    const server = only(await collector.named('POST /api/prompt'));
    const run = only(await collector.named('invoke_agent builtin'));
    const [first, second] = [only(await collector.named('step 1')), only(await collector.named('step 2'))];
    const chats = await collector.named('chat test-model', 2);
    const tool = only(await collector.named('execute_tool list_directory'));

    expect(server).toMatchObject({ traceId, parentSpanId: callerSpan, kind: 2, isError: false });
    expect(server.traceState).toBe('vendor=abc,other=1');
    expect(server.attributes).toMatchObject({
      'http.request.method': 'POST',
      'http.route': '/api/prompt',
      'http.response.status_code': 200,
    });
    expect(run).toMatchObject({ traceId, parentSpanId: server.spanId, kind: 1 });
    const { sessionId } = (await answer.json()) as { sessionId: string };
    expect(run.attributes).toMatchObject({
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.agent.name': 'builtin',
      'gen_ai.conversation.id': sessionId,
      'gen_ai.usage.input_tokens': 20,
      'codebuddy.run.status': 'completed',
    });
    for (const step of [first, second]) expect(step).toMatchObject({ traceId, parentSpanId: run.spanId });
    expect(chats.map(({ parentSpanId }) => parentSpanId)).toEqual([first.spanId, second.spanId]);
    expect(chats[0]).toMatchObject({
      kind: 3,
      attributes: {
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'local',
        'gen_ai.request.model': 'test-model',
        'gen_ai.request.stream': true,
        'gen_ai.usage.input_tokens': 10,
        'gen_ai.usage.output_tokens': 5,
      },
    });
    expect(tool).toMatchObject({ traceId, parentSpanId: first.spanId });
    expect(tool.attributes).toMatchObject({
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': 'list_directory',
    });
    for (const child of [run, first, second, ...chats, tool]) {
      expect(child.endedAt).toBeGreaterThanOrEqual(child.startedAt);
      expect(child.startedAt).toBeGreaterThanOrEqual(server.startedAt);
    }

    // Each attempt is a span of its own, and the receiver gets its place.
    expect(deliveries.map(({ isError }) => isError)).toEqual([true, false]);
    for (const [index, delivery] of deliveries.entries()) {
      expect(delivery).toMatchObject({ traceId, parentSpanId: run.spanId, kind: 3 });
      const { headers } = receiver.requests[index] as (typeof receiver.requests)[number];
      expect(headers.traceparent).toBe(`00-${traceId}-${delivery.spanId}-01`);
      expect(headers.tracestate).toBe('vendor=abc,other=1');
    }
    const [delivery] = (await started.client.deliveries.list()).deliveries;
    const shown = await started.client.deliveries.request(delivery?.id ?? '', { attempt: 1 });
    expect(shown.headers.traceparent).toBe(receiver.requests[0]?.headers.traceparent);

    // Models are other companies' services.
    for (const { headers } of started.model.requests) expect(headers.traceparent).toBeUndefined();
    expect(collector.resource).toMatchObject({
      'service.name': 'my-agent',
      'deployment.environment.name': 'test',
    });
    expect(collector.headers[0]?.['x-collector-key']).toBe('s ecret');
    const exported = collector.bodies.join();
    for (const text of ['private question', 'look around', 'Nothing here'])
      expect(exported).not.toContain(text);
  });

  it('has content if the operator wants it, without the secrets of the server', async () => {
    const collector = await startCollector();
    const started = await startWithModel(collector, {
      config: { traceContent: true },
      environment: { DEPLOY_TOKEN: 'tok-0123456789abcdef' },
    });
    await request(started, 'POST', '/api/prompt', { body: { prompt: 'Is tok-0123456789abcdef valid?' } });
    const [chat] = await collector.named('chat test-model', 2);
    const tool = only(await collector.named('execute_tool list_directory'));
    expect(chat?.attributes['gen_ai.input.messages']).toContain('valid?');
    expect(chat?.attributes['gen_ai.output.messages']).toContain('I look around.');
    expect(tool.attributes['gen_ai.tool.call.arguments']).toBe('{"path":"."}');
    expect(collector.bodies.join()).not.toContain('tok-0123456789abcdef');
  });
});

describe('a delivery that waits for a retry', () => {
  it('keeps its trace over a restart', async () => {
    const collector = await startCollector();
    const receiver = await startReceiver();
    receiver.answer((_received, response) => {
      response.statusCode = receiver.requests.length === 1 ? 500 : 200;
      response.end();
    });
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'codebuddy-trace-')));
    const config = { otlpEndpoint: collector.url };
    const before = await startApp({ folder, config, environment: soon });
    await before.client.webhooks.create({
      url: receiver.url,
      events: ['run.complete'],
      retryDelay: 3_600_000,
    });
    await request(before, 'POST', '/api/prompt', { body: { prompt: 'hello' }, headers: { traceparent } });
    await waitFor(
      'the first attempt to fail',
      async () => (await before.client.deliveries.list()).deliveries[0]?.attempts === 1,
    );
    await before.app.stop();
    const after = await startApp({ folder, config, environment: soon });
    const [delivery] = (await after.client.deliveries.list()).deliveries;
    await after.client.deliveries.retry(delivery?.id ?? '');
    const [first, second] = await receiver.received(2);
    expect(first?.headers.traceparent).toContain(traceId);
    expect(second?.headers.traceparent).toContain(traceId);
    expect(second?.headers.traceparent).not.toBe(first?.headers.traceparent);
  });
});

describe('a server without tracing', () => {
  it('passes the trace of a request on to webhooks, problems and log lines, and no trace otherwise', async () => {
    const receiver = await startReceiver();
    const lines: object[] = [];
    const started = await startApp({ logger: recordingLogger(lines) });
    await started.client.webhooks.create({ url: receiver.url, events: ['run.complete'] });
    const send = (headers: Record<string, string>): Promise<Response> =>
      request(started, 'POST', '/api/prompt', { body: { prompt: 'hello' }, headers });
    await send({ traceparent, tracestate: 'vendor=abc' });
    await receiver.received(1);
    expect(receiver.requests[0]?.headers).toMatchObject({ traceparent, tracestate: 'vendor=abc' });
    await send({});
    await receiver.received(2);
    expect(receiver.requests[1]?.headers.traceparent).toBeUndefined();
    for (const invalid of [
      '00-00000000000000000000000000000000-00f067aa0ba902b7-01',
      `ff-${traceId}-${callerSpan}-01`,
      `00-${traceId}-${callerSpan}-01-more`,
      traceparent.toUpperCase(),
    ])
      await send({ traceparent: invalid });
    const all = await receiver.received(6);
    expect(all.slice(2).map(({ headers }) => headers.traceparent)).toEqual([...Array(4)]);

    const missing = await request(started, 'GET', '/api/runs/run_unknown', { headers: { traceparent } });
    expect(await missing.json()).toMatchObject({ code: 'run_not_found', traceId });
    await waitFor('the log line of the request', () =>
      lines.some((line) => 'path' in line && line.path === '/api/runs/run_unknown' && 'traceId' in line),
    );
    const plain = await request(started, 'GET', '/api/runs/run_unknown');
    expect(await plain.json()).not.toHaveProperty('traceId');
  });
});

describe('sampling', () => {
  it('follows the caller, and can record nothing while it passes traces on', async () => {
    const collector = await startCollector();
    const receiver = await startReceiver();
    const started = await startApp({ config: { otlpEndpoint: collector.url }, environment: soon });
    await started.client.webhooks.create({ url: receiver.url, events: ['run.complete'] });
    const unsampled = traceparent.replace(/01$/, '00');
    const body = { prompt: 'hello' };
    await request(started, 'POST', '/api/prompt', { body, headers: { traceparent: unsampled } });
    await receiver.received(1);
    expect(receiver.requests[0]?.headers.traceparent).toMatch(new RegExp(`^00-${traceId}-.{16}-00$`));
    await request(started, 'POST', '/api/prompt', { body });
    await collector.named('deliver run.complete');
    expect(collector.spans.filter((span) => span.traceId === traceId)).toEqual([]);
  });
});

describe('a collector that is down', () => {
  it('costs one line in the log; requests are served, and spans are exported when it is back', async () => {
    const collector = await startCollector();
    collector.answer(503);
    const lines: object[] = [];
    const started = await startApp({
      config: { otlpEndpoint: collector.url },
      environment: { ...soon, OTEL_BSP_MAX_QUEUE_SIZE: '20', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '10' },
      logger: recordingLogger(lines),
    });
    for (let n = 0; n < 60; n++) expect((await request(started, 'GET', '/api/runs')).status).toBe(200);
    const about = (text: string): readonly object[] =>
      lines.filter((line) => 'msg' in line && String(line.msg).includes(text));
    await waitFor('the warning', () => about('cannot export traces').length > 0);
    expect(about('cannot export traces')).toHaveLength(1);
    collector.answer(200);
    await collector.named('GET /api/runs', 10);
    await waitFor('the line that it works again', () => about('spans were lost').length > 0);
    expect(collector.spans.length).toBeLessThanOrEqual(40);
    expect(about('cannot export traces')).toHaveLength(1);
  });
});

function recordingLogger(lines: object[]): Logger {
  const write = (fields: object | string, msg?: string): void =>
    void lines.push(typeof fields === 'string' ? { msg: fields } : { ...fields, msg });
  return { debug: write, info: write, warn: write, error: write };
}
