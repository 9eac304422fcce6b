// Parts of /openapi.json other than JSON bodies: other media types, empty answers, headers, problems, servers, licence
// and tags.

import { describe, expect, test } from 'vitest';
import { problems } from '../../../src/base/errors.ts';
import { startApp } from '../start-app.ts';

// biome-ignore lint/suspicious/noExplicitAny: a document of any shape.
let document: any;

// biome-ignore lint/suspicious/noExplicitAny: as above.
async function read(): Promise<any> {
  if (document === undefined) {
    const { url } = await startApp();
    document = await (await fetch(`${url}/openapi.json`)).json();
    document.fetchedFrom = url;
  }
  return document;
}

// biome-ignore lint/suspicious/noExplicitAny: as above.
function resolve(node: any): any {
  if (node?.$ref === undefined) return node;
  return (
    node.$ref
      .slice(2)
      .split('/')
      // biome-ignore lint/suspicious/noExplicitAny: as above.
      .reduce((found: any, part: string) => found[part], document)
  );
}

const mediaTypes = (path: string, method: string, status: string): string[] =>
  Object.keys(resolve(document.paths[path][method].responses[status]).content ?? {});

const headersOf = (path: string, method: string, status: string): string[] =>
  Object.keys(resolve(document.paths[path][method].responses[status]).headers ?? {});

const parametersOf = (path: string, method: string): string[] =>
  (document.paths[path][method].parameters ?? []).map(
    (parameter: { in: string; name: string }) => `${parameter.in} ${parameter.name}`,
  );

const codesOf = (path: string, method: string): string[] =>
  Object.values<object>(document.paths[path][method].responses).flatMap((given) =>
    Object.keys(resolve(given).content?.['application/problem+json']?.examples ?? {}),
  );

describe('the answers', () => {
  test.each([
    ['/metrics', 'get', '200', ['text/plain']],
    ['/docs', 'get', '200', ['text/html']],
    ['/openapi.json', 'get', '200', ['application/json']],
    ['/api/sessions/{id}/export', 'get', '200', ['application/json', 'text/markdown']],
    ['/api/events', 'get', '200', ['application/json', 'text/event-stream']],
    ['/api/sessions/{id}/events', 'get', '200', ['application/json', 'text/event-stream']],
    ['/api/runs/{id}/events', 'get', '200', ['application/json', 'text/event-stream']],
    ['/api/runs/{id}/events', 'get', '204', []],
    ['/api/prompt', 'post', '200', ['application/json', 'text/event-stream']],
    ['/api/prompt', 'post', '202', ['application/json']],
    ['/health/ready', 'get', '503', ['application/json', 'application/problem+json']],
    ['/api/sessions/{id}', 'delete', '204', []],
    ['/api/webhooks/{id}', 'delete', '204', []],
    ['/api/deliveries', 'delete', '204', []],
    ['/api/keys/{id}', 'delete', '204', []],
  ])('%s %s %s have the media types %j', async (path, method, status, types) => {
    await read();
    expect(mediaTypes(path, method, status)).toEqual(types);
  });

  test('of a prompt are distinguished by status', async () => {
    const { paths, components } = await read();
    const { responses } = paths['/api/prompt'].post;
    expect(responses['202'].content['application/json'].schema).toEqual({
      oneOf: [{ $ref: '#/components/schemas/QueuedRun' }, { $ref: '#/components/schemas/WaitingRun' }],
      discriminator: {
        propertyName: 'status',
        mapping: {
          queued: '#/components/schemas/QueuedRun',
          waiting: '#/components/schemas/WaitingRun',
        },
      },
    });
    expect(components.schemas.QueuedRun.properties.status.enum).toEqual(['queued']);
    expect(components.schemas.PromptResult.properties.status.enum).toEqual(['completed']);
  });

  test('name their headers', async () => {
    await read();
    for (const operations of Object.entries<object>(document.paths)) {
      const [path, methods] = operations;
      for (const [method, { responses }] of Object.entries<{ responses: object }>(
        methods as Record<string, { responses: object }>,
      ))
        for (const status of Object.keys(responses))
          expect(headersOf(path, method, status), `${method} ${path} ${status}`).toContain('X-Request-Id');
    }
    expect(headersOf('/api/sessions', 'post', '201')).toEqual(
      expect.arrayContaining(['Location', 'Idempotency-Replayed']),
    );
    expect(headersOf('/api/prompt', 'post', '202')).toEqual(
      expect.arrayContaining(['Location', 'Preference-Applied']),
    );
    expect(headersOf('/api/sessions/{id}/export', 'get', '200')).toContain('Content-Disposition');
    expect(headersOf('/api/runs', 'get', '429')).toContain('Retry-After');
    expect(headersOf('/api/runs', 'get', '401')).toContain('WWW-Authenticate');
  });
});

test('list the headers that requests may have', async () => {
  await read();
  expect(parametersOf('/api/prompt', 'post')).toEqual(['header Prefer', 'header Idempotency-Key']);
  expect(parametersOf('/api/sessions', 'post')).toEqual(['header Idempotency-Key']);
  expect(parametersOf('/api/keys', 'post')).toEqual([]);
  for (const path of ['/api/events', '/api/runs/{id}/events', '/api/sessions/{id}/events']) {
    expect(parametersOf(path, 'get')).toEqual(
      expect.arrayContaining(['header Last-Event-ID', 'query named']),
    );
    expect(document.paths[path].get.security).toContainEqual({ ticket: [] });
  }
});

test('list the error codes of each operation', async () => {
  const { paths } = await read();
  expect(codesOf('/api/runs/{id}', 'get')).toEqual(
    expect.arrayContaining(['run_not_found', 'unauthorized', 'insufficient_scope', 'rate_limited']),
  );
  expect(codesOf('/api/prompt', 'post')).toEqual(
    expect.arrayContaining(['run_timeout', 'too_many_runs', 'model_unavailable', 'idempotency_conflict']),
  );
  expect(codesOf('/api/deliveries/{id}/retry', 'post')).toContain('delivery_pending');
  expect(codesOf('/health', 'get')).not.toContain('unauthorized');
  for (const [path, methods] of Object.entries<Record<string, unknown>>(paths)) {
    for (const method of Object.keys(methods)) {
      for (const code of codesOf(path, method)) {
        // An example is listed under the status of its code.
        const { status } = problems[code as keyof typeof problems];
        const examples = resolve(paths[path][method].responses[status]).content['application/problem+json']
          .examples;
        expect(resolve(examples[code]).value).toMatchObject({ code, status });
      }
    }
  }
});

test('begin with servers, licence and a description of each tag', async () => {
  const { servers, info, tags, fetchedFrom } = await read();
  expect(servers[0].url).toBe('/');
  const local = servers[1].url.replace(
    /\{(\w+)\}/g,
    (_: string, name: string) => servers[1].variables[name].default,
  );
  expect(local).toBe(fetchedFrom);
  expect(info.license).toEqual({ name: 'MIT', identifier: 'MIT' });
  for (const tag of tags) expect(tag.description).not.toBe('Routes of the host application.');
});

test('discriminate events by type', async () => {
  const { components } = await read();
  const { Event, StreamEvent, RunCompleteEvent, GapNotice } = components.schemas;
  expect(Event.discriminator.mapping['run.complete']).toBe('#/components/schemas/RunCompleteEvent');
  expect(StreamEvent.oneOf.length).toBeGreaterThan(Event.oneOf.length);
  expect(RunCompleteEvent.properties.data.required).toContain('response');
  expect(GapNotice.required).toContain('firstSequence');
});
