import { describe, expect, test } from 'vitest';
import { startServer } from '../start-server.ts';

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly security: readonly object[];
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>;
}

describe('/openapi.json', () => {
  test('describes every endpoint once, with its errors and its key', async () => {
    const { request, server } = await startServer();
    const answer = await request('GET', '/openapi.json', { key: null });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    expect(answer.json.openapi).toBe('3.1.0');
    const operations = Object.entries(answer.json.paths as Record<string, Record<string, Operation>>).flatMap(
      ([path, methods]) =>
        Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation })),
    );
    expect(operations.map(({ path, method }) => `${method.toUpperCase()} ${path}`).sort()).toEqual(
      server
        .getEndpoints()
        .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`)
        .sort(),
    );
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const operation of operations) {
      expect(operation.operationId).toMatch(/^[a-z][A-Za-z0-9]*$/);
      expect(operation.summary).not.toBe('');
      expect(operation.tags).toHaveLength(1);
      expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(['400', '421', '500', '503']));
    }
    const open = operations.filter(({ security }) => security.length === 0).map(({ path }) => path);
    expect(open.sort()).toEqual(['/docs', '/health', '/openapi.json']);
    expect(answer.json.components.schemas.Problem.required).toContain('code');
    expect(Object.keys(answer.json.components.securitySchemes)).toEqual(['bearer', 'apiKey', 'ticket']);
  });

  test('follows addRoute', async () => {
    const { request, server } = await startServer();
    await request('GET', '/openapi.json');
    server.addRoute('PUT', '/my/:thing', () => 1, { summary: 'Mine' });
    server.addRoute('GET', '/my/own-list', () => 1, { operationId: 'listMine' });
    const { paths } = (await request('GET', '/openapi.json')).json;
    expect(paths['/my/{thing}'].put).toMatchObject({
      summary: 'Mine',
      operationId: 'putMyByThing',
      tags: ['my'],
    });
    expect(paths['/my/own-list'].get.operationId).toBe('listMine');
  });

  test('contains each named schema once', async () => {
    const { request } = await startServer();
    const { paths, components } = (await request('GET', '/openapi.json')).json;
    expect(paths['/api/sessions/{id}'].get.responses['200'].content['application/json'].schema).toEqual({
      $ref: '#/components/schemas/Session',
    });
    expect(components.schemas.Session.properties.id).toEqual({ type: 'string' });
  });
});
