// The mode and the model of an agent's session: what the agent offers, and how they are set. A choice counts as made
// only if the agent offers it and does not deny it afterwards.

import { CodeBuddyError } from '../../base/errors.ts';
import { isRecord } from '../../base/is-record.ts';

/** A session that the agent has open. */
export interface OpenSession {
  readonly id: string;
  /** `modes` and `configOptions` as the agent sent them last. */
  modes: unknown;
  configOptions: unknown;
  /** The model of the session before a client chose one. */
  ownModel?: string | undefined;
}

/** Sends requests to the agent. */
interface Requests {
  request(method: string, params: unknown, options: { readonly timeoutMs: number }): Promise<unknown>;
}

export interface Choice {
  /** The option's id; undefined for the modes of `session/set_mode`. */
  readonly optionId: string | undefined;
  readonly current: string | undefined;
  readonly values: readonly string[];
}

/** The modes that the session offers; undefined if it has none. */
export function modesOf({
  modes,
  configOptions,
}: Pick<OpenSession, 'modes' | 'configOptions'>): Choice | undefined {
  return selectOption(configOptions, 'mode') ?? sessionModes(modes);
}

/** The models that the session offers; undefined if a client cannot choose. */
export function modelsOf({ configOptions }: Pick<OpenSession, 'configOptions'>): Choice | undefined {
  return selectOption(configOptions, 'model');
}

/** The agent has changed the session's mode or options by itself. */
export function noteUpdate(session: OpenSession, update: Readonly<Record<string, unknown>>): void {
  if (update.sessionUpdate === 'config_option_update') session.configOptions = update.configOptions;
  const { currentModeId } = update;
  if (update.sessionUpdate !== 'current_mode_update' || typeof currentModeId !== 'string') return;
  const { optionId } = modesOf(session) ?? {};
  if (optionId !== undefined)
    session.configOptions = withValue(session.configOptions, optionId, currentModeId);
  session.modes = { ...(isRecord(session.modes) ? session.modes : {}), currentModeId };
}

/** @throws CodeBuddyError `not_supported_by_agent`; the errors of a request */
export async function setMode(
  agentProcess: Requests,
  session: OpenSession,
  mode: string,
  { agent, timeoutMs }: { readonly agent: string; readonly timeoutMs: number },
): Promise<void> {
  const choice = modesOf(session);
  if (choice === undefined || !choice.values.includes(mode)) {
    const has = choice === undefined ? 'has no modes' : `has only the modes ${choice.values.join(', ')}`;
    throw unsupported(
      'permissionMode',
      `needs the mode ${JSON.stringify(mode)} of the agent ${agent}, which ${has}. See agents.${agent}.modes in config.json`,
    );
  }
  if (choice.current === mode) return;
  await choose(agentProcess, session, choice, mode, timeoutMs);
  const now = modesOf(session)?.current;
  if (now !== mode)
    throw unsupported(
      'permissionMode',
      `needs the mode ${JSON.stringify(mode)} of the agent ${agent}, which stays in ${JSON.stringify(now)}`,
    );
}

/** Without `model`, the session gets its own model back. @throws like `setMode` */
export async function setModel(
  agentProcess: Requests,
  session: OpenSession,
  model: string | undefined,
  { agent, timeoutMs }: { readonly agent: string; readonly timeoutMs: number },
): Promise<void> {
  const choice = modelsOf(session);
  session.ownModel ??= choice?.current;
  const wanted = model ?? session.ownModel;
  if (wanted === undefined || wanted === choice?.current) return;
  if (choice === undefined) {
    if (model === undefined) return;
    throw unsupported('model', `must be left out: the agent ${agent} does not let clients choose its model`);
  }
  if (!choice.values.includes(wanted)) {
    if (model === undefined) return;
    throw unsupported('model', `must be a model of the agent ${agent} (${choice.values.join(', ')})`);
  }
  await choose(agentProcess, session, choice, wanted, timeoutMs);
}

async function choose(
  agentProcess: Requests,
  session: OpenSession,
  { optionId, values }: Choice,
  value: string,
  timeoutMs: number,
): Promise<void> {
  const sessionId = session.id;
  if (optionId === undefined) {
    await agentProcess.request('session/set_mode', { sessionId, modeId: value }, { timeoutMs });
    session.modes = { currentModeId: value, availableModes: values.map((id) => ({ id, name: id })) };
    return;
  }
  const params = { sessionId, configId: optionId, value };
  const answer = await agentProcess.request('session/set_config_option', params, { timeoutMs });
  if (isRecord(answer) && Array.isArray(answer.configOptions)) session.configOptions = answer.configOptions;
  else session.configOptions = withValue(session.configOptions, optionId, value);
}

/** For an agent that does not answer with its options. */
function withValue(options: unknown, optionId: string, value: string): unknown {
  if (!Array.isArray(options)) return options;
  return options.map((option: unknown) =>
    isRecord(option) && option.id === optionId ? { ...option, currentValue: value } : option,
  );
}

function selectOption(options: unknown, what: 'mode' | 'model'): Choice | undefined {
  if (!Array.isArray(options)) return undefined;
  const selects = options
    .filter(isRecord)
    .filter(({ type, id }) => type === 'select' && typeof id === 'string');
  const found =
    selects.find(({ category }) => category === what) ??
    selects.find(({ id, category }) => id === what && category === undefined);
  if (found === undefined) return undefined;
  const { id, currentValue, options: values } = found;
  return { optionId: String(id), current: textOf(currentValue), values: valuesOf(values) };
}

/** The values of a list, which may be grouped. */
function valuesOf(options: unknown): readonly string[] {
  if (!Array.isArray(options)) return [];
  return options
    .filter(isRecord)
    .flatMap((one) => (Array.isArray(one.options) ? valuesOf(one.options) : (textOf(one.value) ?? [])));
}

function sessionModes(modes: unknown): Choice | undefined {
  if (!isRecord(modes) || !Array.isArray(modes.availableModes)) return undefined;
  const values = modes.availableModes.filter(isRecord).flatMap(({ id }) => textOf(id) ?? []);
  return { optionId: undefined, current: textOf(modes.currentModeId), values };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function unsupported(option: string, message: string): CodeBuddyError {
  return new CodeBuddyError('not_supported_by_agent', `options.${option} ${message}.`, {
    errors: [{ in: 'body', pointer: `/options/${option}`, message }],
  });
}
