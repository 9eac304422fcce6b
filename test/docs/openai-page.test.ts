// docs/openai.md: its programs run as they are, except for the address of the server.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startApp } from '../http/start-app.ts';
import { runProgram } from '../run-program.ts';
import { allBlocks } from './blocks.ts';

const programs = allBlocks().filter(({ file, language }) => file === 'docs/openai.md' && language === 'ts');

test('the programs in TypeScript print the answer of the agent', async () => {
  expect(programs.length).toBeGreaterThan(1);
  const { client, url, write } = await startApp();
  write('README.md', 'text');
  const { key } = await client.keys.create({ name: 'docs', scopes: ['prompt', 'tools'] });
  // Below the packages that they import.
  const cache = join(import.meta.dirname, '../../node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'openai-page-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [index, { text }] of programs.entries()) {
    // They have no types, which Node does not strip below node_modules.
    const file = join(folder, `${index}.mjs`);
    writeFileSync(file, text.replaceAll('http://127.0.0.1:3847', url));
    const env = { PATH: process.env.PATH, CODEBUDDY_API_KEY: key };
    const { code, stdout, stderr } = await runProgram([process.execPath, file], { env });
    expect(code, `${text}\n${stdout}${stderr}`).toBe(0);
    expect(stdout).toContain('README.md');
  }
});
