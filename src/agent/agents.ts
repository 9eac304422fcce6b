// The agents that can answer: the built-in one, and programs that speak the Agent Client Protocol. The code that speaks
// it is loaded when such an agent answers for the first time.

import { CodeBuddyError } from '../base/errors.ts';
import { version } from '../base/version.ts';
import type { Agent as AgentNoun, Agents as AgentNouns } from '../contract/agent.ts';
import { builtinAgent } from '../contract/agent-names.ts';
import { permissionModes } from '../contract/permission-mode.ts';
import { type AgentConfig, type AgentFacts, unknownFacts } from './acp/agent-config.ts';
import type { AgentSurroundings } from './acp/agent-program.ts';
import { describeAgent, lookForProgram } from './acp/describe-agent.ts';
import { noSuchAgent } from './acp/parse-agents.ts';
import type { ChooseDriver } from './choose-for-run.ts';
import type { Driver } from './driver.ts';
import type { AgentModels } from './models/agent-models.ts';
import { offlineModel } from './offline/offline-driver.ts';

/** The running agents. */
export interface ForeignAgents {
  driverFor(name: string, workspace?: string): Driver | Promise<Driver>;
  factsOf(name: string): AgentFacts;
  close(): Promise<void>;
}

export interface AgentsOptions {
  readonly configured: readonly AgentConfig[];
  /** The agent of new sessions. @default the built-in one */
  readonly defaultName: string | undefined;
  readonly models: AgentModels;
  readonly surroundings: AgentSurroundings;
  /** Called once, when a foreign agent answers for the first time. */
  readonly open: () => Promise<ForeignAgents>;
}

export interface Agents {
  /** The agent of new sessions. */
  readonly defaultName: string;
  readonly chooseDriver: ChooseDriver;
  /**
   * The agent of a new session. `field`: where it was named.
   * @throws CodeBuddyError `validation_failed` if there is no such agent
   */
  forNewSession(name: string | undefined, field: string): string;
  /** Why the agent of new sessions cannot be started; undefined if its program is there. */
  defaultFault(): string | undefined;
  /** Starts no agent. */
  list(): Promise<AgentNouns>;
  close(): Promise<void>;
}

export function createAgents(options: AgentsOptions): Agents {
  const { configured, defaultName = builtinAgent, models, surroundings, open } = options;
  let opening: Promise<ForeignAgents> | undefined;
  let opened: ForeignAgents | undefined;

  async function foreign(): Promise<ForeignAgents> {
    opening ??= open();
    opened = await opening;
    return opened;
  }

  const factsOf = (name: string): AgentFacts => opened?.factsOf(name) ?? unknownFacts;

  function find(name: string): AgentConfig | undefined {
    return configured.find((agent) => agent.name === name);
  }

  async function describeBuiltin(): Promise<Omit<AgentNoun, 'isDefault'>> {
    const { models: chosen, reason } = await models.choice();
    return {
      name: builtinAgent,
      title: 'Built-in agent',
      command: null,
      status: 'ready',
      detail: `Answers with ${chosen[0] ?? offlineModel}: ${reason}.`,
      version,
      models: null,
      permissionModes: [...permissionModes],
      capabilities: {
        model: true,
        system: true,
        maxSteps: true,
        maxTokens: true,
        maxCost: true,
        resume: true,
        fork: true,
        images: await models.seesImages(),
        mcp: true,
      },
    };
  }

  return {
    defaultName,
    async chooseDriver({ agent: name, options: given, workspace }) {
      if (name === builtinAgent) return models.chooseDriver(given);
      const agent = find(name);
      if (agent === undefined)
        throw new CodeBuddyError(
          'agent_unavailable',
          `The agent ${JSON.stringify(name)} of this session is not configured on this server: see agents in config.json.`,
        );
      const { fault } = lookForProgram(agent, surroundings);
      if (fault !== undefined)
        throw new CodeBuddyError(
          'agent_unavailable',
          `The agent ${name} (${agent.title}) cannot be started: ${fault}. ${agent.install}`,
        );
      return { driver: await (await foreign()).driverFor(name, workspace), model: given.model ?? null };
    },
    forNewSession(name, field) {
      if (name === undefined || name === builtinAgent) return name ?? defaultName;
      if (find(name) !== undefined) return name;
      const message = noSuchAgent(name, [builtinAgent, ...configured.map((agent) => agent.name)]);
      throw new CodeBuddyError('validation_failed', `${field.replaceAll('/', '.')} ${message}.`, {
        errors: [{ in: 'body', pointer: `/${field}`, message }],
      });
    },
    defaultFault() {
      const agent = find(defaultName);
      const fault = agent && lookForProgram(agent, surroundings).fault;
      return fault === undefined ? undefined : `the agent ${defaultName}: ${fault}. ${agent?.install}`;
    },
    async list() {
      const others = configured.map((agent) =>
        describeAgent(agent, { facts: factsOf(agent.name), surroundings }),
      );
      const all = [await describeBuiltin(), ...others].map((agent) => ({
        ...agent,
        isDefault: agent.name === defaultName,
      }));
      const rank = ({ isDefault, status }: AgentNoun): number =>
        isDefault ? 0 : status === 'not_found' ? 2 : 1;
      return { agents: all.sort((left, right) => rank(left) - rank(right)) };
    },
    async close() {
      await (await opening?.catch(() => undefined))?.close();
    },
  };
}
