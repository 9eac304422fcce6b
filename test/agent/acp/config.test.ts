// The `agents` of config.json: what is refused, and what an agent gets.

import { expect, test } from 'vitest';
import { parseAgents } from '../../../src/agent/acp/parse-agents.ts';
import { findOptionFaults } from '../../../src/agent/option-faults.ts';

/** A variable as config.json names it. */
const variable = (name: string): string => `\${${name}}`;

test.each([
  ['a list', [], 'agents must be an object: {"name": {"command": "…"}}'],
  ['a name with a space', { 'a b': {} }, 'agents.a b: a name must be'],
  ['a name in upper case', { Claude: {} }, 'agents.Claude: a name must be'],
  [
    'the name of the built-in agent',
    { builtin: {} },
    'agents.builtin: the name builtin is that of the built-in',
  ],
  ['an agent that is a string', { claude: 'npx' }, 'agents.claude must be an object such as'],
  ['no command', { mine: {} }, 'agents.mine.command must be the name or the path of a program'],
  ['an empty command', { claude: { command: ' ' } }, 'agents.claude.command must be'],
  ['a command with NUL', { claude: { command: 'a\0b' } }, 'agents.claude.command must be'],
  [
    'a field of nobody',
    { claude: { cmd: 'x' } },
    'agents.claude.cmd is not known; the fields of an agent are',
  ],
  ['a preset of nobody', { mine: { preset: 'cursor' } }, 'agents.mine.preset must be one of claude, codex'],
  ['args that are a string', { claude: { args: '--acp' } }, 'agents.claude.args must be an array of strings'],
  ['an argument that is a number', { claude: { args: ['a', 1] } }, 'agents.claude.args[1] must be a string'],
  ['env that is a list', { claude: { env: ['A=b'] } }, 'agents.claude.env must be an object of strings'],
  ['a variable that is a number', { claude: { env: { A: 1 } } }, 'agents.claude.env.A must be a string'],
  [
    'a variable with =',
    { claude: { env: { 'A=B': 'x' } } },
    'agents.claude.env must not have a variable named',
  ],
  [
    'a variable that is not set',
    { claude: { env: { A: variable('NOT_SET') } } },
    'agents.claude.env.A: the variable NOT_SET is not set',
  ],
  [
    'passEnv with a value',
    { claude: { passEnv: ['A=b'] } },
    'agents.claude.passEnv[0] must be the name of an environment variable',
  ],
  [
    'passEnv that is a string',
    { claude: { passEnv: 'A' } },
    'agents.claude.passEnv must be an array of names',
  ],
  [
    'modes that are a string',
    { claude: { modes: 'default' } },
    'agents.claude.modes must be an object such as {"ask": "default"}',
  ],
  ['no modes', { claude: { modes: {} } }, 'agents.claude.modes must be an object'],
  [
    'a mode of nobody',
    { claude: { modes: { yolo: 'x' } } },
    'agents.claude.modes.yolo is not known; the permission modes are read-only, ask',
  ],
  [
    'a mode that is a number',
    { claude: { modes: { ask: 1 } } },
    'agents.claude.modes.ask must be the id of a mode of the agent, or null',
  ],
  [
    'a title that is empty',
    { claude: { title: '' } },
    'agents.claude.title must be a text of 1 to 500 characters',
  ],
  [
    'a time in seconds',
    { claude: { idleMs: 1.5 } },
    'agents.claude.idleMs must be a whole number of milliseconds from 1 to 86400000',
  ],
  [
    'no time at all',
    { claude: { startTimeoutMs: 0 } },
    'agents.claude.startTimeoutMs must be a whole number of milliseconds from 1 to 600000',
  ],
  ['silence of a week', { claude: { silenceMs: 604_800_000 } }, 'agents.claude.silenceMs must be'],
  ['disabled as a word', { claude: { disabled: 'yes' } }, 'agents.claude.disabled must be true or false'],
])('%s is refused by name', (_what, agents, message) => {
  const faults = findOptionFaults({ agents }, {});
  expect(faults.map((fault) => fault.message)).toEqual([expect.stringContaining(message)]);
});

test('every invalid entry is named, and no value is shown', () => {
  const agents = {
    claude: { env: { KEY: { secret: 'sk-secret' } } },
    codex: { command: '' },
    gemini: { command: 'gemini' },
  };
  const messages = findOptionFaults({ agents }, {}).map(({ message }) => message);
  expect(messages).toEqual([
    'agents.claude.env.KEY must be a string without NUL characters',
    'agents.codex.command must be the name or the path of a program',
  ]);
});

test('the default agent must exist', () => {
  const faults = (agents: unknown, agent: string): readonly string[] =>
    findOptionFaults({ agents, agent, agentOrigin: '--agent' }, {}).map(({ message }) => message);
  expect(faults(undefined, 'claude')).toEqual([]);
  expect(faults({ mine: { command: 'x' } }, 'mine')).toEqual([]);
  expect(faults(undefined, 'builtin')).toEqual([]);
  expect(faults(undefined, 'mine')).toEqual([
    'the agent (--agent) must be one of builtin, claude, codex, gemini, opencode, qwen, copilot, goose, not "mine"',
  ]);
  expect(faults({ claude: { disabled: true } }, 'claude')).toHaveLength(1);
});

test('an entry keeps what its preset says, and adds its own', () => {
  const [claude] = parseAgents(
    { claude: { env: { A: variable('TOKEN:-none') }, passEnv: ['MY_KEY'], idleMs: 1000 } },
    { TOKEN: 'sk-1' },
  );
  expect(claude).toMatchObject({
    name: 'claude',
    title: 'Claude Code',
    command: 'claude-agent-acp',
    modes: { ask: 'default' },
    env: { A: 'sk-1' },
    idleMs: 1000,
  });
  expect(claude?.passEnv).toEqual(expect.arrayContaining(['ANTHROPIC_API_KEY', 'MY_KEY', 'HTTPS_PROXY']));
  expect(claude?.passEnv).not.toContain('OPENAI_API_KEY');
});

test('an agent that is known by its command works only where nothing must be asked', () => {
  const [mine] = parseAgents({ mine: { command: 'my-agent' } }, {});
  expect(mine?.modes).toEqual({ full: null });
});
