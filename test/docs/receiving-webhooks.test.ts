// The receivers of docs/receiving-webhooks.md, taken from the page and run against requests that are signed here by the
// specification of Standard Webhooks, without the server's own signer.

import { spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { waitFor } from '../wait-for.ts';

type Headers = Readonly<Record<string, string>>;
type IsOurs = (rawBody: Buffer, headers: Headers, secret: string) => boolean;

interface Case {
  readonly what: string;
  readonly ok: boolean;
  readonly body: Buffer;
  readonly headers: Headers;
  readonly secret: string;
}

const page = readFileSync(
  fileURLToPath(new URL('../../docs/receiving-webhooks.md', import.meta.url)),
  'utf8',
);
const blocks = [...page.matchAll(/<!-- test: (\w+) -->\n```\w+\n([\s\S]*?)```/g)].map(
  ([, kind = '', code = '']) => ({ kind, code }),
);

// Beside the modules, so that the pages' imports are found.
const cache = fileURLToPath(new URL('../../node_modules/.cache', import.meta.url));
mkdirSync(cache, { recursive: true });
const folder = mkdtempSync(join(cache, 'docs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function load<T>(code: string, name: string): Promise<T> {
  const ours = new URL('../../src/api/webhooks.ts', import.meta.url).href;
  const file = join(folder, `${name}.mjs`);
  writeFileSync(file, code.replaceAll("'codebuddy-api/webhooks'", `'${ours}'`));
  return import(/* @vite-ignore */ pathToFileURL(file).href);
}

const key = Buffer.from('b5f3a1c07d92e4486acb0f1e2d3c4b5a69788796a5b4c3d2', 'hex');
const otherKey = Buffer.alloc(32, 9);
const secret = `whsec_${key.toString('base64')}`;
const plain = 'a secret of mine, with spaces';
const body = Buffer.from('{"id":"evt_1","type":"webhook.test","data":{"text":"ünï 🙂 \\u0041  1.0"}}');
const seconds = (): number => Math.floor(Date.now() / 1000);

function standard(signingKey: Buffer, id: string, timestamp: string, bytes: Buffer): string {
  return createHmac('sha256', signingKey).update(`${id}.${timestamp}.`).update(bytes).digest('base64');
}

function request(
  changes: Partial<Record<'timestamp' | 'signature', string>> = {},
  signingKey = key,
): Headers {
  const id = 'evt_01M853SN97WQ9NN6G0XH11Y7YQ';
  const timestamp = changes.timestamp ?? String(seconds());
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': changes.signature ?? `v1,${standard(signingKey, id, timestamp, body)}`,
  };
}

function without(headers: Headers, name: string): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([other]) => other !== name));
}

function cases(): readonly Case[] {
  const good = request();
  const signature = good['webhook-signature'] as string;
  const other = request({}, otherKey)['webhook-signature'] as string;
  const hex = Buffer.from(signature.slice(3), 'base64').toString('hex');
  const make = (what: string, ok: boolean, headers: Headers, more: Partial<Case> = {}): Case => ({
    what,
    ok,
    headers,
    body,
    secret,
    ...more,
  });
  const asPlain = request({}, Buffer.from(plain));
  return [
    make('a good one', true, good),
    make('a rotation: the old secret, second in the list', true, {
      ...good,
      'webhook-signature': `${other} ${signature}`,
    }),
    make('a rotation: the new secret, first in the list', true, {
      ...good,
      'webhook-signature': `${signature} ${other}`,
    }),
    make('one beside a version of the future', true, {
      ...good,
      'webhook-signature': `v9,AAAA ${signature}`,
    }),
    make('a plain secret, given as signingSecret', true, asPlain, {
      secret: `whsec_${Buffer.from(plain).toString('base64')}`,
    }),
    make('4 minutes old', true, request({ timestamp: String(seconds() - 240) })),
    make('an hour old', false, request({ timestamp: String(seconds() - 3600) })),
    make('an hour ahead', false, request({ timestamp: String(seconds() + 3600) })),
    make('another secret', false, good, { secret: `whsec_${otherKey.toString('base64')}` }),
    make('another body', false, good, { body: Buffer.from(body.toString().replace('test', 'tesT')) }),
    make('parsed and written again', false, good, {
      body: Buffer.from(JSON.stringify(JSON.parse(String(body)))),
    }),
    make('another id', false, { ...good, 'webhook-id': 'evt_2' }),
    make('another time', false, {
      ...good,
      'webhook-timestamp': String(Number(good['webhook-timestamp']) - 7),
    }),
    make('a time that is none', false, { ...good, 'webhook-timestamp': 'soon' }),
    make('hex in place of base64', false, { ...good, 'webhook-signature': `v1,${hex}` }),
    make('without its version', false, { ...good, 'webhook-signature': signature.slice(3) }),
    make('another version', false, { ...good, 'webhook-signature': signature.replace('v1,', 'v2,') }),
    make('cut short', false, { ...good, 'webhook-signature': signature.slice(0, 20) }),
    make('an empty list', false, { ...good, 'webhook-signature': ' ' }),
    make('rubbish', false, { ...good, 'webhook-signature': 'v1,é🙂,= v1, ,' }),
    make('no id', false, without(good, 'webhook-id')),
    make('no time', false, without(good, 'webhook-timestamp')),
    make('no signature', false, without(good, 'webhook-signature')),
  ];
}

describe.each(
  blocks
    .filter(({ kind }) => kind === 'node')
    .map(({ code }, n) => ({ code, n, from: /from '(.*)'/.exec(code)?.[1] })),
)('the Node code with $from', ({ code, n }) => {
  test.each(cases().map(({ what, ok }) => ({ what, ok })))('says $ok to: $what', async ({ what, ok }) => {
    // Signed now: the test may run long after its file was loaded.
    const { body: bytes, headers, secret: given } = cases().find((one) => one.what === what) as Case;
    const { isOurs } = await load<{ isOurs: IsOurs }>(code, `node-${n}`);
    expect(isOurs(bytes, headers, given)).toBe(ok);
  });
});

const python = spawnSync('python3', ['--version'], { encoding: 'utf8' });
if (python.status !== 0) console.log('python3 is not installed: the Python code of the page was not run');

test.skipIf(python.status !== 0)('the Python code says the same', () => {
  const { code } = blocks.find(({ kind }) => kind === 'python') ?? { code: '' };
  const file = join(folder, 'verify.py');
  const harness = `
import base64 as b64, json, sys
for one in json.load(sys.stdin):
    print(is_ours(b64.b64decode(one["body"]), one["headers"], one["secret"]))
`;
  writeFileSync(file, code + harness);
  const all = cases();
  const input = JSON.stringify(all.map((one) => ({ ...one, body: one.body.toString('base64') })));
  const { stdout, stderr } = spawnSync('python3', [file], { input, encoding: 'utf8' });
  expect(stderr).toBe('');
  const said = stdout.trim().split('\n');
  expect(all.map(({ what }, n) => `${what}: ${said[n]}`)).toEqual(
    all.map(({ what, ok }) => `${what}: ${ok ? 'True' : 'False'}`),
  );
});

test('the code for the first version’s signature accepts the right one and no other', async () => {
  const { code } = blocks.find(({ kind }) => kind === 'legacy') ?? { code: '' };
  const { isOurs } = await load<{ isOurs: IsOurs }>(code, 'legacy');
  for (const given of [secret, plain]) {
    const right = createHmac('sha256', given).update(body).digest('hex');
    const say = (signature: string): boolean => isOurs(body, { 'x-webhook-signature': signature }, given);
    expect(say(right)).toBe(true);
    for (const wrong of [
      right.toUpperCase(),
      right.slice(1),
      `${right}0`,
      'x'.repeat(64),
      '',
      'g'.repeat(64),
    ])
      expect(say(wrong), wrong).toBe(false);
    expect(isOurs(Buffer.from('{}'), { 'x-webhook-signature': right }, given)).toBe(false);
    expect(isOurs(body, {}, given)).toBe(false);
  }
});

test('the Fastify code answers 204, does its work afterwards, and refuses requests that it cannot verify', async () => {
  interface App {
    listen(options: { port: number; host: string }): Promise<string>;
    close(): Promise<void>;
  }
  const work = vi.fn();
  vi.stubGlobal('work', work);
  vi.stubEnv('WEBHOOK_SECRET', secret);
  const { code } = blocks.find(({ kind }) => kind === 'fastify') ?? { code: '' };
  const { app } = await load<{ app: App }>(code, 'fastify');
  try {
    const url = `${await app.listen({ port: 0, host: '127.0.0.1' })}/hook`;
    const post = async (headers: Headers): Promise<number> => {
      const all = { 'content-type': 'application/json', ...headers };
      return (await fetch(url, { method: 'POST', headers: all, body: new Uint8Array(body) })).status;
    };
    expect(await post(request())).toBe(204);
    await waitFor('the work after the answer', () => work.mock.calls.length > 0);
    expect(work).toHaveBeenCalledWith(JSON.parse(String(body)));
    expect(await post(request({}, otherKey))).toBe(401);
    expect(await post({})).toBe(401);
    expect(work).toHaveBeenCalledTimes(1);
  } finally {
    await app.close();
    vi.unstubAllGlobals();
    vi.unstubAllEnvs();
  }
});

test('the request on the page has the documented signature', () => {
  const text = /```http\n([\s\S]*?)\n```/.exec(page)?.[1] ?? '';
  const [head = '', sent = ''] = text.split('\n\n');
  const headers = Object.fromEntries(
    head
      .split('\n')
      .slice(1)
      .map((line) => line.split(': ')),
  );
  const shown = /signed with `(whsec_[^`]+)`/.exec(page)?.[1] ?? '';
  const bytes = Buffer.from(sent);
  expect(headers['content-length']).toBe(String(bytes.length));
  const shownKey = Buffer.from(shown.slice('whsec_'.length), 'base64');
  expect(headers['webhook-signature']).toBe(
    `v1,${standard(shownKey, headers['webhook-id'], headers['webhook-timestamp'], bytes)}`,
  );
  expect(headers['X-Webhook-Signature']).toBe(createHmac('sha256', shown).update(bytes).digest('hex'));
});
