// An agent of this server whose prompts are answered by scripted-agent.ts, for one test.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Timers } from '../../../src/agent/acp/acp-types.ts';
import type { AgentConfig } from '../../../src/agent/acp/agent-config.ts';
import type { PromptOptions } from '../../../src/contract/prompt-options.ts';
import { type RunningAgent, type StartAgentOptions, startAgent, temporaryFolder } from '../start-agent.ts';
import { manualTimers } from './manual-timers.ts';
import type { Behaviour, Step } from './script.ts';

export const scriptedEntry = fileURLToPath(new URL('./scripted-agent.ts', import.meta.url));

/** The agent's modes for ours: only `default` and `plan` ask. */
const modes = { 'read-only': 'plan', ask: 'default', 'auto-edit': 'default', full: 'full' };

/** What the scripted agent has received: `what` is the method without `session/`. */
export interface Received {
  readonly pid: number;
  readonly what: string;
  readonly content: Readonly<Record<string, unknown>>;
}

export interface StartedAcp extends RunningAgent {
  readonly folder: string;
  /** Warnings for the operator. */
  readonly warnings: readonly string[];
  /** Runs the steps as one prompt, and resolves to the answer. */
  play(
    steps: readonly Step[],
    options?: PromptOptions,
    sessionId?: string,
  ): ReturnType<RunningAgent['prompt']>;
  start(
    steps: readonly Step[],
    options?: PromptOptions,
    sessionId?: string,
  ): ReturnType<RunningAgent['agent']['runs']['start']>;
  received(what?: string): readonly Received[];
  /** Another one can then be started in the same folder. */
  stop(): Promise<void>;
}

export interface StartAcpOptions extends StartAgentOptions {
  readonly behaviour?: Behaviour;
  readonly config?: Partial<Record<keyof AgentConfig | 'preset', unknown>>;
  /** @default a clock that stands still: a slow agent is not too late */
  readonly timers?: Timers;
}

export function acpConfig(
  folder: string,
  behaviour: Behaviour = {},
  config: StartAcpOptions['config'] = {},
): Record<string, unknown> {
  const { env = {}, ...rest } = config;
  return {
    scripted: {
      command: process.execPath,
      args: [scriptedEntry],
      modes,
      env: {
        SCRIPTED_AGENT: JSON.stringify(behaviour),
        SCRIPTED_AGENT_LOG: join(folder, 'received.jsonl'),
        SCRIPTED_AGENT_STATE: join(folder, 'sessions.json'),
        ...(process.env.NODE_COMPILE_CACHE && { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE }),
        ...(env as object),
      },
      ...rest,
    },
  };
}

export async function startAcp(options: StartAcpOptions = {}): Promise<StartedAcp> {
  const { behaviour, config, timers = manualTimers(), folder = temporaryFolder(), ...rest } = options;
  const warnings: string[] = [];
  const running = await startAgent({
    folder,
    stateFolder: join(folder, 'state'),
    agents: acpConfig(folder, behaviour, config),
    agent: 'scripted',
    warn: (message) => warnings.push(message),
    agentTimers: timers,
    ...rest,
  });
  return {
    ...running,
    folder,
    warnings,
    play: (steps, promptOptions, sessionId) =>
      running.prompt(JSON.stringify(steps), promptOptions, sessionId),
    start: (steps, promptOptions = {}, sessionId) =>
      running.agent.runs.start({
        prompt: JSON.stringify(steps),
        options: promptOptions,
        requestId: 'test',
        ...(sessionId === undefined ? {} : { sessionId }),
      }),
    received: (what) => readReceived(folder, what),
    async stop() {
      await running.agent.close(0);
      await running.log.close();
      await running.store.close();
    },
  };
}

export function readReceived(folder: string, what?: string): readonly Received[] {
  const logFile = join(folder, 'received.jsonl');
  if (!existsSync(logFile)) return [];
  const all = readFileSync(logFile, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Received);
  return what === undefined ? all : all.filter((one) => one.what === what);
}
