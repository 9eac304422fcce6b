// Describes an agent without starting it: whether its program is there, and whether it is signed in.

import { accessSync, constants } from 'node:fs';
import { isAbsolute } from 'node:path';
import type { Agent } from '../../contract/agent.ts';
import { permissionModes } from '../../contract/permission-mode.ts';
import type { AgentConfig, AgentFacts } from './agent-config.ts';
import { capabilitiesOf } from './agent-options.ts';
import { type AgentSurroundings, agentProgram } from './agent-program.ts';
import { isSignedIn } from './sign-in.ts';

/** The program of an agent. `fault`: why it cannot be started, as the end of a sentence. */
export type FoundProgram =
  | { readonly command: string; readonly env: Readonly<Record<string, string>>; readonly fault?: undefined }
  | { readonly fault: string };

/** Looks for the program of an agent now: it may be installed while the server runs. */
export function lookForProgram(config: AgentConfig, surroundings: AgentSurroundings): FoundProgram {
  try {
    const { command, env } = agentProgram(config, surroundings);
    if (isAbsolute(command)) accessSync(command, constants.X_OK);
    return { command, env };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { fault: 'code' in error ? `program ${JSON.stringify(config.command)} not found` : error.message };
  }
}

export function describeAgent(
  config: AgentConfig,
  { facts, surroundings }: { readonly facts: AgentFacts; readonly surroundings: AgentSurroundings },
): Omit<Agent, 'isDefault'> {
  const { name, title, args } = config;
  const program = lookForProgram(config, surroundings);
  return {
    name,
    title,
    command: [program.fault === undefined ? program.command : config.command, ...args].join(' '),
    ...statusOf(config, facts, program),
    version: facts.version,
    models: facts.models === null ? null : [...facts.models],
    permissionModes: permissionModes.filter((mode) => Object.hasOwn(config.modes, mode)),
    capabilities: capabilitiesOf(config, facts),
  };
}

function statusOf(
  { install, signIn, signInPlaces }: AgentConfig,
  facts: AgentFacts,
  program: FoundProgram,
): Pick<Agent, 'status' | 'detail'> {
  if (program.fault !== undefined)
    return { status: 'not_found', detail: `${capitalized(program.fault)}. ${install}` };
  // Its own word, once it has run, counts more than the traces of a sign-in.
  const signedIn = facts.isSignedIn ?? isSignedIn(signInPlaces, program.env);
  if (signedIn === true) return { status: 'ready', detail: 'Signed in.' };
  if (signedIn === false) return { status: 'not_signed_in', detail: `Not signed in. ${signIn}` };
  return { status: 'unknown', detail: `Its first start shows whether it is signed in. ${signIn}` };
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
