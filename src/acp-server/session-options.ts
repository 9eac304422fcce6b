// The choices of a session: its permission mode and its model. Editors see the mode twice: as a session mode, and as a
// config option, which replaces session modes in newer editors.

import type { SessionConfigOption, SessionModeState } from '@agentclientprotocol/sdk/unstable';
import type { Model } from '../client/index.ts';
import { type PermissionMode, permissionModes } from '../contract/permission-mode.ts';
import { invalidParams } from './request-errors.ts';

export interface Choices {
  readonly mode: PermissionMode;
  /** Undefined: the model of the server, with its fallbacks. */
  readonly model: string | undefined;
}

const modes: Readonly<Record<PermissionMode, { readonly name: string; readonly description: string }>> = {
  'read-only': { name: 'Read only', description: 'The agent can read files and change nothing.' },
  ask: { name: 'Ask', description: 'The agent asks before it changes a file or runs a command.' },
  'auto-edit': { name: 'Edit', description: 'The agent edits files, and asks before it runs a command.' },
  full: { name: 'Full', description: 'The agent asks for nothing.' },
};

export function modeState({ mode }: Choices): SessionModeState {
  return {
    currentModeId: mode,
    availableModes: permissionModes.map((id) => ({ id, ...modes[id] })),
  };
}

export function configOptions(choices: Choices, models: readonly Model[]): SessionConfigOption[] {
  const mode: SessionConfigOption = {
    id: 'mode',
    name: 'Mode',
    description: 'What the agent may do without asking.',
    category: 'mode',
    type: 'select',
    currentValue: choices.mode,
    options: permissionModes.map((value) => ({ value, ...modes[value] })),
  };
  const current = choices.model ?? defaultModel(models);
  if (current === undefined) return [mode];
  return [
    mode,
    {
      id: 'model',
      name: 'Model',
      category: 'model',
      type: 'select',
      currentValue: current,
      options: models.map(({ id, detail }) => ({ value: id, name: id, description: detail })),
    },
  ];
}

/** @throws RequestError */
export function withMode(choices: Choices, id: string): Choices {
  const mode = permissionModes.find((one) => one === id);
  if (mode === undefined)
    throw invalidParams(`The mode must be one of ${permissionModes.join(', ')}, not ${JSON.stringify(id)}.`);
  return { ...choices, mode };
}

/** @throws RequestError */
export function withOption(
  choices: Choices,
  models: readonly Model[],
  configId: string,
  value: string | boolean,
): Choices {
  if (configId === 'mode') return withMode(choices, String(value));
  if (configId !== 'model')
    throw invalidParams(`The options are mode and model, not ${JSON.stringify(configId)}.`);
  if (!models.some(({ id }) => id === value))
    throw invalidParams(
      `The model must be one of ${models.map(({ id }) => id).join(', ') || 'none'}, not ${JSON.stringify(value)}.`,
    );
  return { ...choices, model: value === defaultModel(models) ? undefined : String(value) };
}

function defaultModel(models: readonly Model[]): string | undefined {
  return models.find(({ use }) => use === 'default')?.id;
}
