// The examples for operators use variables and flags that exist, and say the same about stopping as the code.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { type SettingRule, settingRules } from '../../src/config/setting-rules.ts';

const rules = Object.values(settingRules) as readonly SettingRule<unknown>[];
const variables = new Set(rules.flatMap(({ variable, commonVariable }) => [variable, commonVariable]));
const flags = new Set(
  rules.flatMap(({ flag }) => (flag === undefined ? [] : [flag.syntax.split(' ', 1)[0]])),
);
const read = (name: string): string =>
  readFileSync(new URL(`../../examples/${name}`, import.meta.url), 'utf8');

test.each(['compose.yaml', 'codebuddy.service', 'kubernetes.yaml'])('%s sets settings that exist', (name) => {
  const text = read(name);
  const used = [...text.matchAll(/\b(?:CODEBUDDY_[A-Z_]+|DATABASE_URL)\b/g)].map(([found]) => found);
  expect(used.length).toBeGreaterThan(0);
  for (const variable of used) expect(variables, variable).toContain(variable);
  const commands = text
    .split('\n')
    .filter((line) => /\bserve\b/.test(line) && !line.trimStart().startsWith('#'));
  expect(commands.length).toBeGreaterThan(0);
  for (const [flag] of commands.join('\n').matchAll(/--[a-z-]+/g)) expect(flags, flag).toContain(flag);
});

test.each(['compose.yaml', 'kubernetes.yaml'])('%s is YAML', (name) => {
  const documents = parseAllDocuments(read(name), { merge: true });
  for (const document of documents) {
    expect(document.errors).toEqual([]);
    expect(document.toJS()).toBeTypeOf('object');
  }
});
