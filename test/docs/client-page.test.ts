// docs/client.md: its recipes run as they are, and its reference names every method.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { CodeBuddyClient } from '../../src/client/index.ts';
import { startApp } from '../http/start-app.ts';
import { runProgram } from '../run-program.ts';

const root = join(import.meta.dirname, '..', '..');
const page = readFileSync(join(root, 'docs', 'client.md'), 'utf8');
const recipes = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code);

test('the recipes run as they are', async () => {
  expect(recipes.length).toBeGreaterThan(6);
  const { home, write } = await startApp();
  write('README.md', 'text');
  const folder = join(home, 'recipes');
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  const entry = pathToFileURL(join(root, 'src', 'client', 'index.ts')).href;
  for (const [index, recipe] of recipes.entries()) {
    const file = join(folder, `${index}.ts`);
    writeFileSync(file, recipe.replace("'codebuddy-api/client'", `'${entry}'`));
    const env = { PATH: process.env.PATH, CODEBUDDY_HOME: home };
    const { code, stdout, stderr } = await runProgram([process.execPath, file], { env });
    expect(code, `${recipe}\n${stdout}${stderr}`).toBe(0);
    expect(stdout + stderr).not.toContain('Error');
  }
});

test('the reference names every method', async () => {
  const { client } = await startApp();
  const reference = page.slice(page.indexOf('## Reference'));
  const methodsOf = (value: object): readonly string[] =>
    Object.getOwnPropertyNames(Object.getPrototypeOf(value)).filter((name) => name !== 'constructor');
  const deprecated = ['execute', 'promptStream'];
  const resources = Object.entries(client).filter(([, value]) => typeof value === 'object');
  expect(resources.length).toBeGreaterThan(9);
  for (const [name, value] of resources) {
    const row = reference.split('\n').find((line) => line.startsWith(`| \`${name}\` |`)) ?? '';
    for (const method of methodsOf(value).filter((one) => !deprecated.includes(one)))
      expect(row, `${name}.${method}`).toContain(`\`${method}\``);
  }
  const own = reference.split('\n').find((line) => line.startsWith('| the client |')) ?? '';
  const base = Object.getPrototypeOf(CodeBuddyClient.prototype) as object;
  for (const method of Object.getOwnPropertyNames(base).filter((one) => one !== 'constructor'))
    if (!deprecated.includes(method)) expect(own, method).toContain(`\`${method}\``);
});
