// Warnings about rules, at the start and in `doctor`.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ruleWarnings } from '../../../src/agent/permissions/rule-warnings.ts';
import { run } from '../../cli/run-cli.ts';
import { startAgent, temporaryFolder } from '../start-agent.ts';

it.each([
  ['allow', 'bash(git log *)', /git: .*--output.*one operand/s],
  ['allow', 'bash(npm **)', 'npm:'],
  ['allow', 'bash(find . *)', '-exec'],
  ['allow', 'bash(make *)', 'make:'],
  ['allow', 'bash(/usr/bin/env *)', 'command in their arguments'],
  ['allow', 'bash(mytool *)', 'one operand'],
  ['allow', 'bash(sort -*)', 'must be spelled out'],
  ['allow', 'bash(* --version)', 'program must be spelled out'],
  ['allow', 'bash(npm test > *)', 'can never match'],
  ['allow', 'bash', 'every command'],
  ['allow', '*', 'every command'],
  ['allow', 'wirte_file(src/**)', 'no such tool'],
  ['allow', 'other__x', 'no such tool'],
  ['deny', 'red_file(.env)', 'no such tool'],
  ['deny', 'read_file(~/.ssh/**)', 'can never match'],
  ['deny', 'read_file(/work/.env)', 'can never match'],
  ['deny', 'read_file(../x)', 'can never match'],
  ['deny', 'files__read(.env*)', 'denies every call'],
  ['deny', 'files__*({"path": ".env*)', 'denies every call'],
  ['allow', 'files__read(src/**)', 'can never match'],
] as const)('%s %s gets a warning', (effect, rule, wanted) => {
  const rules = { allow: [], deny: [], servers: ['files'], workspace: '/work', [effect]: [rule] };
  const [warning, ...others] = ruleWarnings(rules);
  expect(others).toEqual([]);
  expect(warning).toMatch(wanted);
  expect(warning).toContain(`${effect} ${rule}`);
});

it.each([
  ['allow', 'bash(npm test)'],
  ['allow', 'bash(git status)'],
  ['allow', 'bash(ls \\*.ts)'],
  ['allow', 'bash(mytool **)'],
  ['allow', 'write_file(src/**)'],
  ['allow', 'files__*'],
  ['allow', 'files__read({"path":"docs/*"})'],
  ['allow', 'fil*'],
  ['deny', 'bash(git push*)'],
  ['deny', 'read_file(.env*)'],
  ['deny', 'files__read(*.env*)'],
  ['deny', '*'],
] as const)('%s %s gets no warning', (effect, rule) => {
  expect(
    ruleWarnings({ allow: [], deny: [], servers: ['files'], workspace: '/work', [effect]: [rule] }),
  ).toEqual([]);
});

it('the server logs the warnings', async () => {
  const warnings: string[] = [];
  await startAgent({
    permissions: { allow: ['bash(git log *)'], deny: [] },
    warn: (message) => warnings.push(message),
  });
  expect(warnings).toEqual([expect.stringContaining('bash(git log *)')]);
});

it('doctor shows the warnings', async () => {
  const home = temporaryFolder();
  mkdirSync(join(home, 'api'));
  writeFileSync(
    join(home, 'api', 'config.json'),
    JSON.stringify({ permissions: { allow: ['bash(git log *)'], deny: ['read_file(../x)'] } }),
  );
  const { stdout } = await run(home, ['doctor', '--workspace', home]);
  expect(stdout).toContain('1 that allow, 1 that deny');
  expect(stdout).toContain('warning: the rule allow bash(git log *) may allow more than it seems to (git:');
  expect(stdout).toContain('warning: the rule deny read_file(../x) can never match');
});
