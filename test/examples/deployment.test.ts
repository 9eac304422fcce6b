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

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly enableServiceLinks?: boolean;
        readonly containers: readonly {
          readonly env: readonly { readonly name: string; readonly value?: string }[];
          readonly volumeMounts: readonly { readonly mountPath: string }[];
        }[];
      };
    };
  };
}

test('in Kubernetes, no Service sets a variable of the settings, and the config folder is a folder in a volume', () => {
  const manifests = parseAllDocuments(read('kubernetes.yaml')).map((document) => document.toJS() as Manifest);
  const services = manifests.filter(({ kind }) => kind === 'Service');
  const linked = services.map(({ metadata }) => `${metadata.name.toUpperCase().replaceAll('-', '_')}_PORT`);
  expect(linked.filter((name) => variables.has(name))).toEqual(['CODEBUDDY_PORT']);
  const pod = manifests.find(({ kind }) => kind === 'Deployment')?.spec.template.spec;
  expect(pod?.enableServiceLinks).toBe(false);
  const [container] = pod?.containers ?? [];
  const home = container?.env.find(({ name }) => name === 'CODEBUDDY_HOME')?.value;
  const mounts = container?.volumeMounts.map(({ mountPath }) => mountPath);
  expect(mounts).not.toContain(home);
  expect(mounts?.some((path) => home?.startsWith(`${path}/`))).toBe(true);
});

test('the systemd unit says how to create the folders that it needs', () => {
  const unit = read('codebuddy.service');
  const [, workspace = ''] = /--workspace (\S+)/.exec(unit) ?? [];
  expect(unit).toContain(`ReadWritePaths=${workspace}\n`);
  expect(unit).toMatch(new RegExp(`^# +install -d -o codebuddy ${workspace} `, 'm'));
});
