// Whether somebody is signed in to an agent, as far as files and variables tell.

import { expect, test } from 'vitest';
import { presets } from '../../../src/agent/acp/presets.ts';
import { isSignedIn } from '../../../src/agent/acp/sign-in.ts';
import { fakePrograms } from './fake-programs.ts';

const isMac = process.platform === 'darwin';
const of = (preset: string, environment: Record<string, string>) =>
  isSignedIn(presets[preset]?.signInPlaces, environment);

test('a variable with a value is a sign-in', () => {
  const { home: HOME } = fakePrograms();
  expect(of('codex', { HOME, OPENAI_API_KEY: 'sk' })).toBe(true);
  expect(of('codex', { HOME, OPENAI_API_KEY: '' })).toBe(false);
  // Of another agent.
  expect(of('codex', { HOME, ANTHROPIC_API_KEY: 'sk' })).toBe(false);
});

test.each([
  ['claude', '.claude/.credentials.json', {}],
  ['codex', '.codex/auth.json', {}],
  ['codex', 'elsewhere/auth.json', { CODEX_HOME: 'elsewhere' }],
  ['gemini', '.gemini/oauth_creds.json', {}],
  ['opencode', '.local/share/opencode/auth.json', {}],
  ['opencode', 'data/opencode/auth.json', { XDG_DATA_HOME: 'data' }],
  ['qwen', '.qwen/oauth_creds.json', {}],
] as const)('%s: the file %s is a sign-in', (preset, path, folders) => {
  const { home: HOME, keep } = fakePrograms();
  const environment = {
    HOME,
    ...Object.fromEntries(Object.entries(folders).map(([name, folder]) => [name, `${HOME}/${folder}`])),
  };
  expect(of(preset, environment)).not.toBe(true);
  // Left by a sign-out.
  keep(path, '{}');
  expect(of(preset, environment)).not.toBe(true);
  keep(path, '{"token":"x"}');
  expect(of(preset, environment)).toBe(true);
});

test('without a trace, it is not known for agents that may use a keychain or need no sign-in', () => {
  const { home: HOME } = fakePrograms();
  expect(of('codex', { HOME })).toBe(false);
  expect(of('claude', { HOME })).toBe(isMac ? null : false);
  for (const preset of ['opencode', 'qwen', 'copilot', 'goose'])
    expect(of(preset, { HOME }), preset).toBe(null);
});
