// `codebuddy models` on the real program.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run, serve, temporaryFolder } from './run-cli.ts';

/** Ignore the keys of the machine that runs the tests. */
const keys = { ANTHROPIC_API_KEY: '', OPENAI_API_KEY: '', GOOGLE_GENERATIVE_AI_API_KEY: '', XAI_API_KEY: '' };
const chain = { CODEBUDDY_MODEL: 'local/big,openai/gpt-4o', ...keys };

async function serveChain(): Promise<string> {
  const home = temporaryFolder();
  writeFileSync(
    join(home, 'api', 'config.json'),
    JSON.stringify({ providers: { local: { baseURL: 'http://127.0.0.1:9/v1' } }, contextWindow: 32_000 }),
  );
  await serve(home, [], { ...chain, ANTHROPIC_API_KEY: 'sk-ant-test', OPENAI_API_KEY: 'sk-test' });
  return home;
}

test('the table has the default, its fallbacks and the others, with window, price and reason', async () => {
  const home = await serveChain();
  const { code, stdout, stderr } = await run(home, ['models']);
  expect(code, stderr).toBe(0);
  const [head = '', ...lines] = stdout.split('\n');
  expect(head).toMatch(/^MODEL +USE +READY +CONTEXT +PRICE IN\/OUT +CAN +DETAIL$/);
  const row = (id: string): string => lines.find((line) => line.startsWith(`${id} `)) ?? '';
  expect(lines[0]).toMatch(
    /^local\/big +default +no answer +32k +- +tools\?, vision\?, schema\?, reasoning\? +set by CODEBUDDY_MODEL$/,
  );
  expect(lines[1]).toMatch(
    /^openai\/gpt-4o +fallback +yes +128k +\$2\.5 \/ \$10 +tools, vision, schema +set by CODEBUDDY_MODEL$/,
  );
  expect(lines.filter((line) => line.startsWith('anthropic/'))).toEqual([
    expect.stringMatching(
      /^anthropic\/\S+ +by name +yes +\S+ +\$[\d.]+ \/ \$[\d.]+ +tools, vision, schema, reasoning +ANTHROPIC_API_KEY is set$/,
    ),
  ]);
  expect(row('offline')).toMatch(/^offline +by name +yes +- +\$0 \/ \$0 /);
  expect(stdout).toContain('\nlocal/big was chosen: set by CODEBUDDY_MODEL\n');
  expect(stdout).toContain('codebuddy config set model ');
});

test('a model that cannot be used says what it needs', async () => {
  const home = temporaryFolder();
  await serve(home, [], { ...keys, CODEBUDDY_MODEL: 'offline,openai/gpt-4o' });
  const { stdout, stderr } = await run(home, ['models']);
  expect(stdout, stderr).toMatch(/^openai\/gpt-4o +\S+ +no +128k +\S.*OPENAI_API_KEY/m);
});

test('--json prints the answer of the API', async () => {
  const home = await serveChain();
  const { code, stdout } = await run(home, ['models', '--json']);
  expect(code).toBe(0);
  const answer = JSON.parse(stdout) as Record<string, unknown>;
  expect(answer).toMatchObject({
    models: expect.arrayContaining([
      expect.objectContaining({ id: 'local/big', use: 'default', contextWindow: 32_000, price: null }),
    ]),
    reason: 'set by CODEBUDDY_MODEL',
    places: expect.arrayContaining([expect.objectContaining({ provider: 'local' })]),
  });
});
