// A program with the types of openapi-typescript and the client of openapi-fetch.

import createClient from 'openapi-fetch';
import type { components, paths } from '../generated/schema.js';

const [baseUrl = '', key = ''] = process.argv.slice(2);
const options = { baseUrl, headers: { Authorization: `Bearer ${key}` } };
// If an answer has several forms, the second parameter selects one.
const client = createClient<paths, 'application/json' | 'application/problem+json'>(options);
const texts = createClient<paths, 'text/plain'>(options);

const { data: answer, response } = await client.POST('/api/prompt', { body: { prompt: 'help' } });
if (answer === undefined) throw new Error(`No answer: ${response.status}`);
let runId: string;
switch (answer.status) {
  case 'completed':
  case 'waiting':
    runId = answer.runId;
    break;
  case 'queued':
    runId = answer.id;
}

const { data: page } = await client.GET('/api/events', { params: { query: { limit: 200, runId } } });
const responses = page?.events.flatMap((event) =>
  event.type === 'run.complete' ? [event.data.response] : [],
);

const { error } = await client.GET('/api/runs/{id}', { params: { path: { id: 'run_none' } } });
const { response: made } = await client.POST('/api/sessions', {
  params: { header: { 'Idempotency-Key': 'openapi-fetch' } },
  body: { title: 'From a generated client' },
});
const { data: metrics } = await texts.GET('/metrics', { parseAs: 'text' });
const { data: left } = await client.POST('/api/prompt', {
  params: { header: { Prefer: 'respond-async' } },
  body: { prompt: 'help' },
});

const { data: stream } = await client.GET('/api/runs/{id}/events', {
  params: { path: { id: runId } },
  headers: { Accept: 'text/event-stream' },
  parseAs: 'stream',
});
let text = '';
for await (const chunk of stream ?? []) text += new TextDecoder().decode(chunk);
const streamed = text
  .split('\n')
  .filter((line) => line.startsWith('data: '))
  .map((line) => (JSON.parse(line.slice(6)) as components['schemas']['StreamEvent']).type);

console.log(
  JSON.stringify({
    status: answer.status,
    responses: responses?.length,
    code: error?.code,
    location: made.headers.get('location') !== null,
    metrics: metrics?.includes('codebuddy_build_info'),
    left: left?.status,
    streamed,
  }),
);
