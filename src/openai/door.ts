// The OpenAI-compatible routes over the runs, sessions and events of this server. The module keeps nothing: a response
// is a run, and a conversation is a session.

import { createTurns } from '../base/turns.ts';
import type { ChatRequest } from '../contract/openai-chat.ts';
import type { OpenAiModel, OpenAiModelList } from '../contract/openai-model.ts';
import type { ResponseInputItems, ResponseObject, ResponseRequest } from '../contract/openai-response.ts';
import { answerChat } from './chat.ts';
import { getModel, listModels } from './model-ids.ts';
import { answerResponse } from './responses.ts';
import type { Caller, DoorAnswer, DoorServices } from './services.ts';
import { cancelResponse, deleteResponse, getResponse, inputItemsOf } from './stored-responses.ts';

/** Each method throws a CodeBuddyError for a request that cannot be answered. */
export interface OpenAiDoor {
  models(): Promise<OpenAiModelList>;
  model(id: string): Promise<OpenAiModel>;
  chat(body: ChatRequest, caller: Caller): Promise<DoorAnswer>;
  respond(body: ResponseRequest, caller: Caller): Promise<DoorAnswer>;
  response(id: string): Promise<ResponseObject>;
  cancel(id: string): Promise<ResponseObject>;
  /** Resolves to the id. */
  delete(id: string): Promise<string>;
  inputItems(id: string): Promise<ResponseInputItems>;
}

export function createOpenAiDoor(given: DoorServices): OpenAiDoor {
  const services = { ...given, turns: createTurns() };
  return {
    models: () => listModels(services),
    model: (id) => getModel(id, services),
    chat: (body, caller) => answerChat(services, body, caller),
    respond: (body, caller) => answerResponse(services, body, caller),
    response: (id) => getResponse(services, id),
    cancel: (id) => cancelResponse(services, id),
    delete: (id) => deleteResponse(services, id),
    inputItems: (id) => inputItemsOf(services, id),
  };
}
