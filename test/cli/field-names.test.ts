// Errors of the server name fields; the CLI names the flag or argument that the user typed.

import { Command } from 'commander';
import { expect, test } from 'vitest';
import { fieldName } from '../../src/cli/field-names.ts';
import { define as definePrompt } from '../../src/cli/prompt.ts';
import { define as defineWebhooks } from '../../src/cli/webhooks.ts';
import { run, serve, temporaryFolder } from './run-cli.ts';

function command(define: (command: Command) => void, name?: string): Command {
  const group = new Command();
  define(group);
  const found = name === undefined ? group : group.commands.find((one) => one.name() === name);
  if (found === undefined) throw new Error(`There is no command ${name}`);
  return found;
}

test.each([
  ['/retryCount', '--retry-count'],
  ['/events/0', '--event'],
  ['/tls/cert', '--tls-cert'],
  ['/headers/X-Team', '--header X-Team'],
  ['/url', '<url>'],
  ['/unknown/field', 'unknown.field'],
  ['', 'The request'],
])('webhooks create: %s is %s', (pointer, name) => {
  expect(fieldName(pointer, command(defineWebhooks, 'create'))).toBe(name);
});

test('the same field has another flag in another command', () => {
  expect(fieldName('/url', command(defineWebhooks, 'update'))).toBe('--to');
  expect(fieldName('/options/maxSteps', command(definePrompt))).toBe('--max-steps');
});

test('what the server rejects is printed with the names of flags', async () => {
  const home = temporaryFolder();
  await serve(home);
  const one = await run(home, ['prompt', 'hello', '--model', 'nowhere/x']);
  expect(one).toMatchObject({ code: 2, stderr: expect.stringContaining('codebuddy: --model ') });
  const url = 'http://127.0.0.1:8080/hook';
  const several = await run(home, ['webhooks', 'add', url, '--secret', 'x', '--header', 'Host: y']);
  expect(several.code).toBe(2);
  expect(several.stderr).toContain('codebuddy: Invalid arguments (validation_failed).\n');
  expect(several.stderr).toMatch(/^ {2}--secret /m);
  expect(several.stderr).toMatch(/^ {2}--header Host /m);
});
