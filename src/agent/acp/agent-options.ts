// Which options of a prompt an agent can apply. Checked before anything is queued, with what is known then, and again
// once the agent has started.

import { CodeBuddyError, type FieldError } from '../../base/errors.ts';
import { fieldName } from '../../base/schema-errors.ts';
import { type AgentCapabilities, type AgentOption, agentOptions } from '../../contract/agent.ts';
import { type PermissionMode, permissionModes } from '../../contract/permission-mode.ts';
import type { PromptOptions } from '../../contract/prompt-options.ts';
import type { CallerTool } from '../../contract/tool-call.ts';
import type { AgentConfig, AgentFacts } from './agent-config.ts';

/** Why an agent cannot apply an option. Completes "the agent X …". */
const reasons: Readonly<Record<AgentOption, string>> = {
  model: 'does not let clients choose its model',
  system: 'does not take additions to its system prompt',
  maxSteps: 'does not report its steps',
  maxTokens: 'does not report tokens while it works',
  maxCost: 'does not report costs while it works',
};

/** A budget cannot be enforced without reports, so it is refused until the agent has reported. */
const unknown: Readonly<Partial<Record<AgentOption, string>>> = {
  maxTokens: 'has not reported tokens yet',
  maxCost: 'has not reported costs yet',
};

/** The capabilities of an agent: as it reports them, else as configured. Null: not known yet. */
export function capabilitiesOf(
  { capabilities }: Pick<AgentConfig, 'capabilities'>,
  facts: Pick<AgentFacts, 'capabilities'>,
): AgentCapabilities {
  const said = facts.capabilities;
  const known = (name: keyof AgentCapabilities): boolean | null => said[name] ?? capabilities[name] ?? null;
  return {
    model: known('model'),
    system: known('system'),
    maxSteps: known('maxSteps'),
    maxTokens: known('maxTokens'),
    maxCost: known('maxCost'),
    resume: known('resume'),
    fork: known('fork'),
    images: known('images'),
    mcp: known('mcp'),
  };
}

/**
 * `permissionMode`: that of the run.
 * @throws CodeBuddyError `not_supported_by_agent` that names each option that the agent cannot apply
 */
export function requireSupported(
  agent: Pick<AgentConfig, 'name' | 'title' | 'modes' | 'capabilities'>,
  facts: Pick<AgentFacts, 'models' | 'capabilities'>,
  {
    options,
    permissionMode,
    tools,
  }: {
    readonly options: PromptOptions;
    readonly permissionMode: PermissionMode;
    readonly tools: readonly CallerTool[];
  },
): void {
  const can = capabilitiesOf(agent, facts);
  const errors: FieldError[] = agentOptions.flatMap((option) => {
    if (options[option] === undefined || can[option] === true) return [];
    const reason = can[option] === false ? reasons[option] : unknown[option];
    return reason === undefined ? [] : [fault(option, `must be left out: the agent ${agent.name} ${reason}`)];
  });
  if (options.format !== undefined)
    errors.push(
      fault('format', `must be left out: the answer of the agent ${agent.name} cannot be held to a schema`),
    );
  const { models } = facts;
  if (
    options.model !== undefined &&
    can.model !== false &&
    models !== null &&
    !models.includes(options.model)
  )
    errors.push(
      fault('model', `must be a model of the agent ${agent.name} (${models.join(', ') || 'it has none'})`),
    );
  if (!Object.hasOwn(agent.modes, permissionMode)) errors.push(modeFault(agent, permissionMode));
  if (tools.length > 0)
    errors.push({
      in: 'body',
      pointer: '/tools',
      message: `must be left out: the agent ${agent.name} takes tools only from MCP servers`,
    });
  if (errors.length === 0) return;
  const text = errors.map(({ pointer, message }) => `${fieldName(pointer)} ${message}`);
  throw new CodeBuddyError('not_supported_by_agent', `${text.join('; ')}.`, { errors });
}

/** @throws CodeBuddyError `not_supported_by_agent` that names the parts with an image */
export function requireImages(
  { name, capabilities }: Pick<AgentConfig, 'name' | 'capabilities'>,
  facts: Pick<AgentFacts, 'capabilities'>,
  pointers: readonly string[],
): void {
  if (capabilitiesOf({ capabilities }, facts).images === true) return;
  const message = `must be left out: the agent ${name} takes no images`;
  const [first = ''] = pointers;
  throw new CodeBuddyError('not_supported_by_agent', `${fieldName(first)} ${message}.`, {
    errors: pointers.map((pointer) => ({ in: 'body', pointer, message })),
  });
}

function modeFault({ name, modes }: Pick<AgentConfig, 'name' | 'modes'>, permissionMode: PermissionMode) {
  const possible = permissionModes.filter((mode) => Object.hasOwn(modes, mode));
  const can = possible.length === 0 ? 'works in no permission mode' : `works only in ${possible.join(', ')}`;
  return fault(
    'permissionMode',
    `must not be ${permissionMode}: the agent ${name} ${can}. ` +
      `Say in config.json which of its modes asks for permission: agents.${name}.modes`,
  );
}

function fault(option: string, message: string) {
  return { in: 'body', pointer: `/options/${option}`, message } as const;
}
