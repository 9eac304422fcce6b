// The model ids of the OpenAI-compatible routes: `codebuddy` is the agent with the model of the server;
// `codebuddy/MODEL` is the agent with another model.

import type { OpenAiModel, OpenAiModelList } from '../contract/openai-model.ts';
import type { PromptOptions } from '../contract/prompt.ts';
import { modelNotFound } from './invalid-parameter.ts';
import type { DoorServices } from './services.ts';

export const agentModel = 'codebuddy';
const prefix = `${agentModel}/`;
/** 1 January 2026. The ids have no better date, and clients expect one that does not change. */
const created = 1_767_225_600;

/** The options of a run with this model. @throws CodeBuddyError `model_not_found` */
export function optionsOf(model: string): Pick<PromptOptions, 'model'> {
  if (model === agentModel) return {};
  const rest = model.startsWith(prefix) ? model.slice(prefix.length) : '';
  if (rest === 'offline' || rest.includes('/')) return { model: rest };
  throw modelNotFound(model, `the models are ${agentModel} and ${prefix}MODEL (GET /v1/models).`);
}

export async function listModels({ models }: Pick<DoorServices, 'models'>): Promise<OpenAiModelList> {
  const ready = (await models()).models.filter(({ ready }) => ready);
  return { object: 'list', data: [agentModel, ...ready.map(({ id }) => prefix + id)].map(describe) };
}

/** @throws CodeBuddyError `model_not_found` */
export async function getModel(id: string, services: Pick<DoorServices, 'models'>): Promise<OpenAiModel> {
  const { data } = await listModels(services);
  const found = data.find((model) => model.id === id);
  if (found === undefined)
    throw modelNotFound(id, `the models are ${data.map((model) => model.id).join(', ')}.`);
  return found;
}

function describe(id: string): OpenAiModel {
  return { id, object: 'model', created, owned_by: agentModel };
}
