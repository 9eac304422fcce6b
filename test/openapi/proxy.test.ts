// Every route through a proxy that compares each answer with the document: good answers, refusals and mistakes.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Row, table } from '../http/scopes/table.ts';
import { type Answer, type Caller, startWorld, type World } from '../http/scopes/world.ts';
import { startApp } from '../http/start-app.ts';
import { startPrism, violationsOf } from './prism.ts';
import { startFolder } from './tools.ts';

// biome-ignore lint/suspicious/noExplicitAny: a document of any shape.
type Described = any;

/** The faults of an answer: differences that Prism reports, and statuses that the operation does not list. */
function misfitsOf(described: Described, route: string, { status, headers }: Answer, who: string): string[] {
  const [method = '', path = ''] = route.split(' ');
  const operation = described.paths[path.replace(/:(\w+)/g, '{$1}')][method.toLowerCase()];
  // Only the answers are checked: some requests are wrong on purpose.
  const found = violationsOf(headers)
    .filter(({ location }) => location[0] !== 'request')
    .map(({ location, message }) => `${route} (${who}) ${status}: ${location.join('.')} ${message}`);
  if (operation.responses[status] === undefined) found.push(`${route} (${who}): ${status} is not described`);
  return found;
}

const whoMayIn = ({ passes }: Row): Caller => (Object.keys(passes) as Caller[])[0] ?? 'read';
/** It does not end; it is tested below. */
const isEndless = ({ route, when }: Row): boolean => route === 'GET /api/events' && when === 'as a stream';

/** The files of the dashboard are not in the document. */
const isPartOfPage = ({ route }: Row): boolean => route === 'GET /assets/*';

test('every answer of every route is in the document', async () => {
  const world = await startWorld();
  const folder = await startFolder(world.url);
  const described: Described = await (await fetch(`${world.url}/openapi.json`)).json();
  const proxy = await startPrism(folder, world.url);
  const misfits: string[] = [];
  const seen = new Set<string>();

  for (const row of table) {
    if (isEndless(row)) continue;
    const [method = ''] = row.route.split(' ');
    for (const caller of new Set<Caller>([whoMayIn(row), 'nobody', 'tools'])) {
      const { path, body, headers } = await row.prepare(world, caller);
      const answer = await world.sendThrough(proxy, caller, method, path, body, headers);
      seen.add(row.route);
      if (isPartOfPage(row)) continue;
      misfits.push(...misfitsOf(described, row.route, answer, `${row.when ?? 'plain'}, ${caller}`));
    }
  }
  for (const mistake of mistakesIn(described)) {
    const { route, path, body, headers, status, isDirect = false } = mistake;
    const row = table.find((one) => one.route === route);
    if (row === undefined) throw new Error(`No row for ${route}`);
    const [method = ''] = route.split(' ');
    const base = isDirect ? world.url : proxy;
    const answer = await world.sendThrough(base, whoMayIn(row), method, path, body, headers);
    if (!status.includes(answer.status)) misfits.push(`${route} ${mistake.what}: ${answer.status}`);
    misfits.push(...misfitsOf(described, route, answer, mistake.what));
  }
  misfits.push(...(await conflicts(world, proxy, described)));
  expect(misfits).toEqual([]);
  expect([...seen].sort()).toEqual([...world.routes].sort());
});

interface Mistake {
  readonly route: string;
  readonly what: string;
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: readonly number[];
  /** Bypasses the proxy. */
  readonly isDirect?: boolean;
}

/** Mistakes of clients, on each operation where they are possible. */
function* mistakesIn(described: Described): Generator<Mistake> {
  for (const [template, methods] of Object.entries<Described>(described.paths)) {
    for (const [method, operation] of Object.entries<Described>(methods)) {
      const route = `${method.toUpperCase()} ${template.replace(/\{(\w+)\}/g, ':$1')}`;
      const path = template.replace(/\{\w+\}/g, 'none');
      if (path !== template) {
        yield {
          route,
          what: 'what is not there',
          path,
          ...(operation.requestBody === undefined ? {} : { body: validBodies[route] ?? {} }),
          status: [404],
        };
      }
      if (operation.parameters?.some(({ name }: { name: string }) => name === 'limit')) {
        yield { route, what: 'limit=0', path: `${path}?limit=0`, status: [422] };
      }
      // A file may have any content.
      if (operation.requestBody?.content['application/json'] === undefined) continue;
      // Prism itself hangs on it.
      yield { route, what: 'no JSON', path, body: '{', status: [400], isDirect: true };
      yield {
        route,
        what: 'plain text',
        path,
        body: 'a',
        headers: { 'content-type': 'text/plain' },
        status: [415],
      };
      yield { route, what: 'a large body', path, body: { large: 'a'.repeat(2 ** 20) }, status: [413] };
      if (route !== 'POST /api/tools/:tool') {
        // The OpenAI-compatible routes and MCP ignore unknown fields, so the missing ones are the mistake.
        const status = path.startsWith('/v1/') || path === '/mcp' ? [400] : [422];
        yield { route, what: 'an unknown field', path, body: { nothing: 1 }, status };
      }
    }
  }
}

/** Valid bodies, so that only the id is wrong. */
const validBodies: Readonly<Record<string, unknown>> = {
  'POST /api/permissions/:id': { decision: 'deny' },
  'POST /api/questions/:id': { answer: 'a' },
  'POST /api/tool-calls/:id': { result: 1 },
  'POST /api/runs/:id/steer': { text: 'a' },
  'POST /api/sessions/:id/messages': { text: 'a' },
  'PATCH /api/keys/:id': { limits: { requestsPerMinute: 1 } },
  'PATCH /api/sessions/:id': { title: 'a' },
  'POST /api/sessions/:id/mcp-servers': { mcpServers: {} },
  'POST /api/webhooks/:id/replay': { after: 0 },
};

/** Valid requests that conflict with the current state. */
async function conflicts(world: World, proxy: string, described: Described): Promise<string[]> {
  const misfits: string[] = [];
  const look = async (
    route: string,
    path: string,
    status: number,
    caller: Caller,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<void> => {
    const [method = ''] = route.split(' ');
    const answer = await world.sendThrough(proxy, caller, method, path, body, headers);
    if (answer.status !== status)
      misfits.push(`${route}: ${answer.status} ${answer.json?.code}, not ${status}`);
    misfits.push(...misfitsOf(described, route, answer, `conflict ${status}`));
  };
  const key = { 'idempotency-key': 'the-same' };
  await look('POST /api/sessions', '/api/sessions', 201, 'prompt', { title: 'a' }, key);
  await look('POST /api/sessions', '/api/sessions', 201, 'prompt', { title: 'a' }, key);
  await look('POST /api/sessions', '/api/sessions', 409, 'prompt', { title: 'b' }, key);
  const failed = await world.failedRun();
  await look('POST /api/runs/:id/cancel', `/api/runs/${failed}/cancel`, 409, 'prompt', {});
  await look('POST /api/runs/:id/steer', `/api/runs/${failed}/steer`, 409, 'prompt', { text: 'late' });
  await look('POST /api/prompt', '/api/prompt', 502, 'prompt', { prompt: 'fail' });
  const slow = { prompt: 'run sleep 30', options: { model: 'offline', timeoutMs: 1 } };
  await look('POST /api/prompt', '/api/prompt', 504, 'prompt+tools', slow);
  await look('POST /api/prompt', '/api/prompt', 404, 'prompt', { prompt: 'hi', sessionId: 'ses_none' });
  const waiting = await world.waitingRun();
  await look('POST /api/prompt', '/api/prompt', 202, 'prompt', { prompt: 'use bash' });
  await look('POST /api/permissions/:id', `/api/permissions/${waiting.permissionId}`, 200, 'tools', {
    decision: 'deny',
  });
  await look('POST /api/permissions/:id', `/api/permissions/${waiting.permissionId}`, 409, 'tools', {
    decision: 'deny',
  });
  await look('POST /api/prompt', '/api/prompt', 202, 'prompt', {
    prompt: 'ask Why?',
    options: { model: 'offline' },
  });
  const question = await world.asked('ask Which one?');
  await look('POST /api/questions/:id', `/api/questions/${question}`, 200, 'prompt', { answer: 'a' });
  await look('POST /api/questions/:id', `/api/questions/${question}`, 409, 'prompt', { answer: 'a' });
  const call = await world.asked('call look {}');
  await look('POST /api/tool-calls/:id', `/api/tool-calls/${call}`, 200, 'prompt', { result: null });
  await look('POST /api/tool-calls/:id', `/api/tool-calls/${call}`, 409, 'prompt', { error: 'late' });
  await look('POST /api/tools/:tool', '/api/tools/read_file', 404, 'tools', { path: 'none.txt' });
  await look('POST /api/tools/:tool', '/api/tools/read_file', 403, 'tools', { path: '../none.txt' });
  await look('POST /api/tools/:tool', '/api/tools/read_file', 422, 'tools', { path: ['a', 'b'] });
  const stream = { accept: 'text/event-stream' };
  await look('GET /api/runs/:id/events', `/api/runs/${failed}/events`, 200, 'read', undefined, stream);
  const { events } = await world.client.events.list({ limit: 1, order: 'desc' });
  const after = { ...stream, 'last-event-id': String(events[0]?.sequence ?? 0) };
  await look('GET /api/runs/:id/events', `/api/runs/${failed}/events`, 204, 'read', undefined, after);
  await look('GET /api/sessions', '/api/sessions?cursor=bad', 422, 'read');
  return misfits;
}

test('the proxy finds an answer that does not match the document', async () => {
  const { url } = await startApp();
  const folder = await startFolder(url);
  const file = join(folder, 'openapi.json');
  const described: Described = JSON.parse(readFileSync(file, 'utf8'));
  described.components.schemas.Health.required.push('missing');
  writeFileSync(file, JSON.stringify(described));
  const { headers } = await fetch(`${await startPrism(folder, url)}/health`);
  expect(violationsOf(headers)).toMatchObject([{ location: expect.arrayContaining(['response']) }]);
});

test('streams that have no end are in the document too', async () => {
  const { app, url, client } = await startApp();
  const described: Described = await client.openapi();
  const proxy = await startPrism(await startFolder(url), url);
  const { sessionId } = await client.prompt({ prompt: 'help' });
  const { key } = await client.keys.create({ name: 'reader', scopes: ['read'] });
  const paths = {
    '/api/events': '/api/events?after=0',
    '/api/sessions/:id/events': `/api/sessions/${sessionId}/events`,
  };
  const open = Object.entries(paths).map(async ([route, path]) => {
    const headers = { accept: 'text/event-stream', 'x-api-key': key };
    const response = await fetch(proxy + path, { headers });
    const answer = { status: response.status, headers: response.headers, json: undefined };
    return { misfits: misfitsOf(described, `GET ${route}`, answer, 'a stream'), text: await response.text() };
  });
  // Prism forwards an answer when it is complete: stopping the server ends its streams.
  const { expectReaders } = readersOf(url, key);
  await expectReaders(2);
  await app.stop();
  for (const { misfits, text } of await Promise.all(open)) {
    expect(misfits).toEqual([]);
    expect(text).toContain('event: run.complete');
  }
});

function readersOf(url: string, key: string) {
  return {
    async expectReaders(count: number): Promise<void> {
      await expect
        .poll(
          async () => {
            const response = await fetch(`${url}/metrics`, { headers: { 'x-api-key': key } });
            return /^codebuddy_sse_readers (\d+)$/m.exec(await response.text())?.[1];
          },
          { timeout: 60_000 },
        )
        .toBe(String(count));
    },
  };
}
