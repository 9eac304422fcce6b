import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startApp } from '../http/start-app.ts';
import { runTool, startFolder } from './tools.ts';

test('Redocly finds nothing (recommended)', async () => {
  const folder = await startFolder((await startApp()).url);
  const args = ['lint', 'openapi.json', '--extends=recommended', '--format=json'];
  const { stdout, code } = await runTool('redocly', args, folder);
  const { totals, problems } = JSON.parse(stdout);
  expect(problems).toEqual([]);
  expect(totals).toMatchObject({ errors: 0, warnings: 0, ignored: 0 });
  expect(code).toBe(0);
});

test('Spectral finds nothing (oas)', async () => {
  const folder = await startFolder((await startApp()).url);
  writeFileSync(join(folder, 'ruleset.yaml'), 'extends: ["spectral:oas"]\n');
  const args = [
    'lint',
    'openapi.json',
    '--ruleset',
    'ruleset.yaml',
    '--format',
    'json',
    '--fail-severity=hint',
  ];
  const { stdout, code } = await runTool('spectral', args, folder);
  expect(JSON.parse(stdout.slice(stdout.indexOf('['), stdout.lastIndexOf(']') + 1))).toEqual([]);
  expect(code).toBe(0);
});
