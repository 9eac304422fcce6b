// The most expensive requests of the maximum size: a real server answers them soon, answers others meanwhile, and needs
// little more memory than before.

import { expect, it } from 'vitest';
import { serve, temporaryFolder } from '../../cli/run-cli.ts';

const apiKey = 'key-of-the-heavy-requests-test';
const nearlyMax = 1_000_000;
/** A JSON body of the maximum length. */
const fill = (text: string): string => text.repeat(Math.floor(nearlyMax / (JSON.stringify(text).length - 2)));

/** Each of these took minutes to hours, or gigabytes, in earlier releases. */
const prompts: readonly (readonly [what: string, prompt: string])[] = [
  ['spaces after write', `write${' '.repeat(nearlyMax)}x`],
  ['spaces after write, and a colon', `write${' '.repeat(nearlyMax)}x:y\n`],
  ['quotes', `search ${fill('" ')}`],
  ['quotes of all kinds', `replace ${fill(`' " \` `)} in with x`],
  ['words that split', `replace ${fill('a in b with ')}c in d`],
  ['colons', `write ${fill('a:')}\nx`],
  ['unknown lines', fill('a\n')],
  ['empty lines', fill('\n')],
  ['help', fill('help\n')],
  ['too many commands', fill('read x\n')],
  ['a glob of braces', `list ${'{a,'.repeat(300)}b${'}'.repeat(300)}`],
];

const bodies: readonly (readonly [what: string, path: string, body: string])[] = [
  ['100 000 unknown fields of a prompt', '/api/prompt', objectOf(70_000, () => '1')],
  ['100 000 unknown fields of a webhook', '/api/webhooks', objectOf(70_000, () => '1')],
  [
    'unknown event types of a webhook',
    '/api/webhooks',
    `{"url":"https://example.org","events":[${listOf(150_000, '"x"')}]}`,
  ],
  [
    'wrong headers of a webhook',
    '/api/webhooks',
    `{"url":"https://example.org","headers":${objectOf(70_000, () => '1')}}`,
  ],
  ['unknown parameters of a tool', '/api/tools/glob', objectOf(70_000, () => '1')],
  ['one field with a name of 900 KB', '/api/prompt', `{"${'~'.repeat(900_000)}":1}`],
  ['deep arrays', '/api/sessions', `{"metadata":{"a":${'['.repeat(400_000)}${']'.repeat(400_000)}}}`],
  [
    'arrays as deep as allowed',
    '/api/sessions',
    `{"metadata":{"a":[${listOf(4000, '['.repeat(100) + ']'.repeat(100))}]}}`,
  ],
];

function objectOf(count: number, value: (i: number) => string): string {
  return `{${Array.from({ length: count }, (_, i) => `"f${i}":${value(i)}`).join(',')}}`;
}

function listOf(count: number, value: string): string {
  return Array.from({ length: count }, () => value).join(',');
}

it.each([
  [
    'prompts',
    prompts.map(([what, prompt]) => [what, '/api/prompt', JSON.stringify({ prompt })] as const),
    200,
    20_000,
  ],
  ['bodies', bodies, 400, 100_000],
] as const)(
  'the worst %s get short answers, while others are answered and little memory is used',
  async (_kind, requests, possible, maxLength) => {
    // A server that kept much of these bodies would run out of memory.
    const server = await serve(temporaryFolder(), [], {
      CODEBUDDY_API_KEY: apiKey,
      NODE_OPTIONS: '--max-old-space-size=256',
    });
    const headers = { Authorization: `Bearer ${apiKey}`, 'Content-Type': 'application/json' };
    for (const [what, path, body] of requests) {
      const [response, health] = await Promise.all([
        fetch(`${server.url}${path}`, { method: 'POST', headers, body }),
        fetch(`${server.url}/health`),
      ]);
      expect(health.status).toBe(200);
      const text = await response.text();
      expect([possible, 422], `${what}: ${text.slice(0, 500)}`).toContain(response.status);
      expect(text.length, what).toBeLessThan(maxLength);
    }
    expect(server.child.exitCode).toBeNull();
  },
);
