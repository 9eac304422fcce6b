// Traces in a host application that has registered the OpenTelemetry SDK.

import { context, trace } from '@opentelemetry/api';
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { expect, it, onTestFinished } from 'vitest';
import { startServer } from '../http/start-server.ts';
import { waitFor } from '../wait-for.ts';
import { startReceiver } from '../webhooks/recording-receiver.ts';
import { startWebhooks } from '../webhooks/start-webhooks.ts';

function registerSdk(): () => readonly ReadableSpan[] {
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  provider.register();
  // Other test files of this process must not see it.
  onTestFinished(async () => {
    await provider.shutdown();
    trace.disable();
    context.disable();
  });
  return () => exporter.getFinishedSpans();
}

it('spans of requests, of the host itself and of deliveries belong to one trace', async () => {
  const spans = registerSdk();
  const receiver = await startReceiver();
  const { webhooks } = startWebhooks({ eventTypes: ['deploy.finished'] });
  await webhooks.register({ url: receiver.url });
  const { request } = await startServer({
    handlers: {
      onPrompt: (prompt) =>
        trace.getTracer('host').startActiveSpan('think', async (span) => {
          await webhooks.emit('deploy.finished', { prompt });
          span.end();
          return `You said: ${prompt}`;
        }),
    },
  });
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  const answer = await request('POST', '/api/prompt', {
    body: { prompt: 'hello' },
    headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01`, tracestate: 'vendor=abc' },
  });
  expect(answer.status).toBe(200);
  await receiver.received(1);
  const named = (name: string): Promise<ReadableSpan> =>
    waitFor(
      `the span ${name}`,
      () => spans().find((span) => span.name === name),
      () => spans().map((span) => span.name),
    );
  const server = await named('POST /api/prompt');
  const think = await named('think');
  const delivery = await named('deliver deploy.finished');
  expect(server.parentSpanContext).toMatchObject({ traceId, spanId: '00f067aa0ba902b7' });
  expect(think.parentSpanContext?.spanId).toBe(server.spanContext().spanId);
  expect(delivery.parentSpanContext?.spanId).toBe(think.spanContext().spanId);
  expect(delivery.attributes).toMatchObject({ 'http.response.status_code': 200 });
  expect(receiver.requests[0]?.headers).toMatchObject({
    traceparent: `00-${traceId}-${delivery.spanContext().spanId}-01`,
    tracestate: 'vendor=abc',
  });

  const missing = await request('GET', '/api/nothing');
  const { traceId: own } = missing.json as { traceId: string };
  const refused = await waitFor('the span of the 404', () =>
    spans().find((span) => span.spanContext().traceId === own),
  );
  expect(refused.attributes).toMatchObject({ 'http.response.status_code': 404, 'url.path': '/api/nothing' });
  expect(refused.parentSpanContext).toBeUndefined();
});
