// The model ids of the OpenAI-compatible routes: `codebuddy` is the agent of the server with its model, `codebuddy/AGENT`
// another agent, and `codebuddy/MODEL` the built-in agent with another model. Only names of models have a slash.

import { builtinAgent } from '../contract/agent-names.ts';
import type { OpenAiModel, OpenAiModelList } from '../contract/openai-model.ts';
import type { PromptOptions } from '../contract/prompt-options.ts';
import { modelNotFound } from './invalid-parameter.ts';
import type { DoorServices } from './services.ts';

export const agentModel = 'codebuddy';
const prefix = `${agentModel}/`;
/** 1 January 2026. The ids have no better date, and clients expect one that does not change. */
const created = 1_767_225_600;

/** The options of a run with this model. @throws CodeBuddyError `model_not_found` */
export function optionsOf(model: string): Pick<PromptOptions, 'agent' | 'model'> {
  if (model === agentModel) return {};
  const rest = model.startsWith(prefix) ? model.slice(prefix.length) : '';
  if (rest === '')
    throw modelNotFound(
      model,
      `the models are ${agentModel}, ${prefix}AGENT and ${prefix}MODEL (GET /v1/models).`,
    );
  return rest === 'offline' || rest.includes('/') ? { agent: builtinAgent, model: rest } : { agent: rest };
}

type Lists = Pick<DoorServices, 'models' | 'agents'>;

export async function listModels({ models, agents }: Lists): Promise<OpenAiModelList> {
  const [own, all] = await Promise.all([models(), agents()]);
  const others = all.agents.filter(
    ({ name, status }) => name !== builtinAgent && (status === 'ready' || status === 'unknown'),
  );
  const names = [
    ...others.map(({ name }) => name),
    ...own.models.filter(({ ready }) => ready).map(({ id }) => id),
  ];
  return { object: 'list', data: [agentModel, ...names.map((name) => prefix + name)].map(describe) };
}

/** @throws CodeBuddyError `model_not_found` */
export async function getModel(id: string, services: Lists): Promise<OpenAiModel> {
  const { data } = await listModels(services);
  const found = data.find((model) => model.id === id);
  if (found === undefined)
    throw modelNotFound(id, `the models are ${data.map((model) => model.id).join(', ')}.`);
  return found;
}

function describe(id: string): OpenAiModel {
  return { id, object: 'model', created, owned_by: agentModel };
}
