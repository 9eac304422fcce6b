// A program with the fetch client of orval.

import {
  createSession,
  getPrometheusMetrics,
  getRun,
  listEvents,
  listRunEvents,
  prompt,
} from '../generated/orval.js';

const [, key = ''] = process.argv.slice(2);
const options = (headers: Record<string, string> = {}): RequestInit => ({
  headers: { Authorization: `Bearer ${key}`, ...headers },
});

const answer = await prompt({ prompt: 'help' }, options());
if (answer.status !== 200 || typeof answer.data === 'string') throw new Error(`No answer: ${answer.status}`);
const { runId, status } = answer.data;

const page = await listEvents({ limit: 200, runId }, options());
if (page.status !== 200 || typeof page.data === 'string') throw new Error(`No events: ${page.status}`);
const responses = page.data.events.flatMap((event) =>
  event.type === 'run.complete' ? [event.data.response] : [],
);

const missing = await getRun('run_none', options());
const made = await createSession(
  { title: 'From a generated client' },
  options({ 'Idempotency-Key': 'orval' }),
);
const metrics = await getPrometheusMetrics(options());
const left = await prompt({ prompt: 'help' }, options({ Prefer: 'respond-async' }));

const stream = await listRunEvents(runId, undefined, options({ Accept: 'text/event-stream' }));
if (stream.status !== 200 || typeof stream.data !== 'string') throw new Error(`No stream: ${stream.status}`);
const streamed = stream.data
  .split('\n')
  .filter((line) => line.startsWith('data: '))
  .map((line) => (JSON.parse(line.slice(6)) as { type: string }).type);

console.log(
  JSON.stringify({
    status,
    responses: responses.length,
    code: missing.status === 404 ? missing.data.code : undefined,
    location: made.headers.get('location') !== null,
    metrics: metrics.status === 200 && metrics.data.includes('codebuddy_build_info'),
    left: left.status === 202 ? left.data.status : undefined,
    streamed,
  }),
);
