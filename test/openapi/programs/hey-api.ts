// A program with the client of hey-api.

import { client } from '../generated/hey/client.gen.js';
import { createSession, getPrometheusMetrics, getRun, listEvents, prompt } from '../generated/hey/sdk.gen.js';
import type { StreamEvent } from '../generated/hey/types.gen.js';

const [baseUrl = '', key = ''] = process.argv.slice(2);
client.setConfig({ baseUrl, auth: key });

const { data: answer } = await prompt({ body: { prompt: 'help' }, throwOnError: true });
const runId = answer.status === 'queued' ? answer.id : answer.runId;

const { data: page } = await listEvents({ query: { limit: 200, runId }, throwOnError: true });
const responses = page.events.flatMap((event) =>
  event.type === 'run.complete' ? [event.data.response] : [],
);

const { error } = await getRun({ path: { id: 'run_none' } });
const { response: made } = await createSession({
  body: { title: 'From a generated client' },
  headers: { 'Idempotency-Key': 'hey-api' },
});
const { data: metrics } = await getPrometheusMetrics();
const { data: left } = await prompt({ body: { prompt: 'help' }, headers: { Prefer: 'respond-async' } });

const { stream } = await client.sse.get<Record<number, StreamEvent>>({
  url: '/api/runs/{id}/events',
  path: { id: runId },
  headers: { Accept: 'text/event-stream', Authorization: `Bearer ${key}` },
  sseMaxRetryAttempts: 1,
});
const streamed: string[] = [];
for await (const event of stream) streamed.push(event.type);

console.log(
  JSON.stringify({
    status: answer.status,
    responses: responses.length,
    code: error !== undefined && 'code' in error ? error.code : undefined,
    location: made?.headers.get('location') !== null,
    metrics: metrics?.includes('codebuddy_build_info'),
    left: left?.status,
    streamed,
  }),
);
