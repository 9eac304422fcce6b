// The rights of each scope on every route and with every option, over a real socket with real keys. The table is
// compared with the server's own documents: a route or an option without a row fails.

import { expect, test } from 'vitest';
import { type Prepared, type Row, table } from './table.ts';
import { type Caller, callers, startWorld, type World } from './world.ts';

const requestsPerTest = 40;

const nameOf = ({ route, when }: Row): string => (when === undefined ? route : `${route}, ${when}`);

function expectedOf({ passes }: Row, caller: Caller): number {
  return passes[caller] ?? (caller === 'nobody' ? 401 : 403);
}

/** The options that are sent. */
function optionsOf({ options = {} }: Row): readonly (readonly [name: string, value: unknown])[] {
  return Object.entries(options).filter(([, value]) => value !== undefined);
}

/** The request with one more option. */
async function withOption(
  world: World,
  { path, body, headers }: Prepared,
  name: string,
  value: unknown,
): Promise<Prepared> {
  const given: unknown = typeof value === 'function' ? await value(world, path) : value;
  if (name.startsWith('?')) {
    const url = new URL(path, 'http://localhost');
    url.searchParams.set(name.slice(1), String(given));
    return { path: `${url.pathname}${url.search}`, ...(body && { body }), ...(headers && { headers }) };
  }
  if (name.endsWith(':')) {
    return { path, ...(body && { body }), headers: { ...headers, [name.slice(0, -1)]: String(given) } };
  }
  const [outer = '', inner] = name.split('.');
  // A webhook needs its URL with any other member.
  const isPart = inner !== undefined && typeof given !== 'object' && outer !== 'webhook';
  const member = isPart ? { [inner]: given } : inner === 'url' ? { url: given } : given;
  return {
    path,
    body: { ...(typeof body === 'string' ? {} : body), [outer]: member },
    ...(headers && { headers }),
  };
}

/** The code of a problem. Below `/v1` it is that of the OpenAI API. */
// biome-ignore lint/suspicious/noExplicitAny: an answer of any shape.
function codeOf(json: any): unknown {
  if (json?.error?.code === 'invalid_api_key') return 'unauthorized';
  return json?.code ?? json?.error?.code;
}

/** Sends the request of a row as every caller. Returns a line for each unexpected answer. */
async function wrongAnswers(world: World, row: Row, option?: readonly [string, unknown]): Promise<string[]> {
  const wrong: string[] = [];
  const [method = ''] = row.route.split(' ');
  for (const caller of callers) {
    const plain = await row.prepare(world, caller);
    const { path, body, headers } =
      option === undefined ? plain : await withOption(world, plain, option[0], option[1]);
    const { status, json } = await world.send(caller, method, path, body, headers);
    const expected = expectedOf(row, caller);
    const code = expected === 401 ? 'unauthorized' : expected === 403 ? 'insufficient_scope' : undefined;
    if (status !== expected || (code !== undefined && codeOf(json) !== code)) {
      const told = status >= 400 ? ` (${JSON.stringify(json)})` : '';
      wrong.push(
        `${nameOf(row)}${option ? `, ${option[0]}` : ''}: ${caller} gets ${status}${told}, not ${expected}`,
      );
    }
    // HEAD reveals no more than GET.
    if (method === 'GET' && option === undefined && headers === undefined) {
      const head = await world.send(caller, 'HEAD', path);
      if (head.status !== status) wrong.push(`HEAD ${path}: ${caller} gets ${head.status}, not ${status}`);
    }
  }
  return wrong;
}

/** The rows in order, in tests of about as many requests: all of them take too long for one. */
const parts = table.reduce<{ requests: number; readonly rows: Row[] }[]>((all, row) => {
  const last = all.at(-1);
  const part = last !== undefined && last.requests < requestsPerTest ? last : { requests: 0, rows: [] };
  if (part !== last) all.push(part);
  part.requests += optionsOf(row).length + 1;
  part.rows.push(row);
  return all;
}, []);

test.each(parts.map(({ rows }) => [rows[0]?.route, rows.at(-1)?.route, rows] as const))(
  'each scope allows what the table says, with every option, and no more: %s to %s',
  async (_first, _last, rows) => {
    const world = await startWorld();
    const wrong: string[] = [];
    for (const row of rows) {
      wrong.push(...(await wrongAnswers(world, row)));
      for (const option of optionsOf(row)) wrong.push(...(await wrongAnswers(world, row, option)));
    }
    expect(wrong).toEqual([]);
  },
);

test('the table has every route and every option', async () => {
  const world = await startWorld();
  const described = await (await fetch(`${world.url}/openapi.json`)).json();
  const rowsOf = Object.groupBy(table, ({ route }) => route);
  expect(Object.keys(rowsOf).sort()).toEqual([...world.routes].sort());
  for (const [route, options] of describedOptions(described)) {
    const known = new Set((rowsOf[route] ?? []).flatMap((row) => Object.keys(row.options ?? {})));
    known.delete('webhook');
    expect([...known].sort(), `the options of ${route}`).toEqual([...options].sort());
  }
});

/** Every query parameter, header and member of a body in /openapi.json, by route. */
// biome-ignore lint/suspicious/noExplicitAny: a document of any shape.
function describedOptions(described: any): ReadonlyMap<string, readonly string[]> {
  const resolve = (schema: { $ref?: string; properties?: object } = {}) =>
    schema.$ref === undefined
      ? schema
      : described.components.schemas[schema.$ref.split('/').at(-1) as string];
  const all = new Map<string, readonly string[]>();
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  for (const [path, operations] of Object.entries<any>(described.paths)) {
    // biome-ignore lint/suspicious/noExplicitAny: as above.
    for (const [method, operation] of Object.entries<any>(operations)) {
      const parameters = ((operation.parameters ?? []) as { in: string; name: string }[])
        .filter((parameter) => parameter.in !== 'path')
        .map((parameter) => (parameter.in === 'query' ? `?${parameter.name}` : `${parameter.name}:`));
      const body = resolve(operation.requestBody?.content?.['application/json']?.schema);
      const members = Object.entries<{ properties?: object }>(body.properties ?? {}).flatMap(
        ([name, schema]) => {
          const inner = Object.keys(resolve(schema).properties ?? {});
          return inner.length === 0 ? [name] : inner.map((member) => `${name}.${member}`);
        },
      );
      const route = `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`;
      all.set(route, [...parameters, ...members]);
    }
  }
  return all;
}
