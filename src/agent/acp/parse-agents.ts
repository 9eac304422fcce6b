// The `agents` of config.json: programs that speak the Agent Client Protocol on stdin and stdout. Validated at the
// start, so that errors do not wait for the first prompt.

import { isRecord } from '../../base/is-record.ts';
import { builtinAgent } from '../../contract/agent-names.ts';
import { type PermissionMode, permissionModes } from '../../contract/permission-mode.ts';
import {
  type Environment,
  type Expand,
  expandVariables,
  flag,
  isPlainText,
  milliseconds,
  parseTexts,
  parseVariables,
} from '../config-fields.ts';
import type { AgentConfig } from './agent-config.ts';
import { commonVariables, type Preset, presets } from './presets.ts';

const fields = [
  'preset',
  'title',
  'command',
  'args',
  'env',
  'passEnv',
  'modes',
  'signIn',
  'idleMs',
  'startTimeoutMs',
  'silenceMs',
  'disabled',
];
const day = 86_400_000;

/** An agent that is known by its command only. It works only where nothing must be asked. */
const unknownAgent: Omit<Preset, 'title' | 'command'> = {
  args: [],
  passEnv: [],
  env: {},
  modes: { full: null },
  capabilities: { system: false, maxSteps: false, fork: true },
  install: 'Install its program, or change its command in config.json.',
  signIn: 'Sign in as its documentation describes.',
};

/**
 * The configured agents, then the presets that no entry replaces. Each `${NAME}` is replaced by the variable's value;
 * `onVariable` is called with it.
 * @throws Error that names the field, such as `agents.claude.command must be ...`; never with a value, which may be a
 * secret
 */
export function parseAgents(
  value: unknown,
  environment: Environment,
  onVariable: (value: string) => void = () => undefined,
): readonly AgentConfig[] {
  if (value !== undefined && !isRecord(value))
    throw new Error('agents must be an object: {"name": {"command": "…"}}');
  const entries = Object.entries(value ?? {});
  const configured = entries.flatMap(
    ([name, entry]) => parseAgent(name, entry, environment, onVariable) ?? [],
  );
  const others = Object.entries(presets)
    .filter(([name]) => !entries.some(([taken]) => taken === name))
    .map(([name, preset]) => complete(name, preset));
  return [...configured, ...others];
}

/** `origin`: where it was named. @throws Error, unless there is an agent of this name */
export function requireAgent(name: string, agents: readonly AgentConfig[], origin: string): void {
  const names = [builtinAgent, ...agents.map((agent) => agent.name)];
  if (!names.includes(name)) throw new Error(`the agent (${origin}) ${noSuchAgent(name, names)}`);
}

/** Completes a sentence about a field that names an agent. */
export function noSuchAgent(name: string, names: readonly string[]): string {
  return `must be one of ${names.join(', ')}, not ${JSON.stringify(name)}`;
}

/** Undefined for a disabled entry. */
function parseAgent(
  name: string,
  entry: unknown,
  environment: Environment,
  onVariable: (value: string) => void,
): AgentConfig | undefined {
  const at = `agents.${name}`;
  if (!/^[a-z0-9][a-z0-9_-]{0,63}$/.test(name))
    throw new Error(
      `${at}: a name must be 1 to 64 characters of a-z, 0-9, - and _, and begin with a letter or digit`,
    );
  if (name === builtinAgent) throw new Error(`${at}: the name ${builtinAgent} is that of the built-in agent`);
  if (!isRecord(entry)) throw new Error(`${at} must be an object such as {"command": "…"}`);
  for (const field of Object.keys(entry)) {
    if (!fields.includes(field))
      throw new Error(`${at}.${field} is not known; the fields of an agent are ${fields.join(', ')}`);
  }
  const preset = presetOf(at, name, entry.preset);
  const isDisabled = flag(entry.disabled, `${at}.disabled`, false);
  // A disabled agent must not require variables.
  const expand: Expand = (text, where) => expandVariables(text, where, environment, isDisabled, onVariable);
  const { command = preset?.command, args = preset?.args ?? [] } = entry;
  if (!isPlainText(command) || command.trim() === '')
    throw new Error(`${at}.command must be the name or the path of a program`);
  const base: Preset = preset ?? { ...unknownAgent, title: name, command };
  const agent: AgentConfig = {
    ...complete(name, base),
    title: sentence(entry.title, `${at}.title`) ?? base.title,
    command: expand(command, `${at}.command`),
    args: parseTexts(`${at}.args`, args, expand),
    passEnv: [
      ...new Set([...base.passEnv, ...commonVariables, ...parseNames(`${at}.passEnv`, entry.passEnv)]),
    ],
    env: { ...base.env, ...parseVariables(`${at}.env`, entry.env ?? {}, expand) },
    modes: entry.modes === undefined ? base.modes : parseModes(`${at}.modes`, entry.modes),
    signIn: sentence(entry.signIn, `${at}.signIn`) ?? base.signIn,
    idleMs: milliseconds(entry.idleMs, `${at}.idleMs`, defaults.idleMs, day),
    startTimeoutMs: milliseconds(
      entry.startTimeoutMs,
      `${at}.startTimeoutMs`,
      defaults.startTimeoutMs,
      600_000,
    ),
    silenceMs: milliseconds(entry.silenceMs, `${at}.silenceMs`, defaults.silenceMs, day),
  };
  return isDisabled ? undefined : agent;
}

/** Agents take seconds to start, and hundreds of MB while they run. */
const defaults = { idleMs: 600_000, startTimeoutMs: 60_000, silenceMs: 600_000 };

function complete(name: string, preset: Preset): AgentConfig {
  return { name, ...preset, passEnv: [...preset.passEnv, ...commonVariables], ...defaults };
}

function presetOf(at: string, name: string, given: unknown): Preset | undefined {
  if (given === undefined) return Object.hasOwn(presets, name) ? presets[name] : undefined;
  if (typeof given === 'string' && Object.hasOwn(presets, given)) return presets[given];
  throw new Error(`${at}.preset must be one of ${Object.keys(presets).join(', ')}`);
}

function sentence(value: unknown, at: string): string | undefined {
  if (value === undefined) return undefined;
  if (!isPlainText(value) || value.trim() === '' || value.length > 500)
    throw new Error(`${at} must be a text of 1 to 500 characters`);
  return value;
}

function parseNames(at: string, value: unknown = []): readonly string[] {
  if (!Array.isArray(value)) throw new Error(`${at} must be an array of names of environment variables`);
  return value.map((name: unknown, index) => {
    if (typeof name !== 'string' || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      throw new Error(`${at}[${index}] must be the name of an environment variable; set values with env`);
    return name;
  });
}

function parseModes(at: string, value: unknown): AgentConfig['modes'] {
  if (!isRecord(value) || Object.keys(value).length === 0)
    throw new Error(`${at} must be an object such as {"ask": "default"}`);
  const known: readonly string[] = permissionModes;
  const wrong = Object.keys(value).find((mode) => !known.includes(mode));
  if (wrong !== undefined)
    throw new Error(`${at}.${wrong} is not known; the permission modes are ${permissionModes.join(', ')}`);
  return Object.fromEntries(
    permissionModes.flatMap((mode: PermissionMode) => {
      const id = value[mode];
      if (id === undefined) return [];
      if (id !== null && (!isPlainText(id) || id === ''))
        throw new Error(
          `${at}.${mode} must be the id of a mode of the agent, or null if it asks as it is started`,
        );
      return [[mode, id]];
    }),
  );
}
