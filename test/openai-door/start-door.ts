// A server with the OpenAI-compatible routes, and the official client of OpenAI that talks to it.

import OpenAI from 'openai';
import { type ModelServer, type Replies, startModelServer } from '../agent/model-server.ts';
import { type StartAppOptions, type StartedApp, startApp } from '../http/start-app.ts';

export interface StartedDoor extends StartedApp {
  readonly openai: OpenAI;
  readonly key: string;
  /** A request without the client, with the key. */
  request(path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Response>;
}

/** The offline agent answers. */
export async function startDoor(options: StartAppOptions = {}): Promise<StartedDoor> {
  const app = await startApp(options);
  const { key } = await app.client.keys.create({ name: 'openai', scopes: ['prompt'] });
  return {
    ...app,
    key,
    openai: new OpenAI({ baseURL: `${app.url}/v1`, apiKey: key, maxRetries: 0 }),
    request: (path, body, headers = {}) =>
      fetch(`${app.url}${path}`, {
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      }),
  };
}

/** A language model answers: a local server that speaks the format of OpenAI. */
export async function startModelDoor(
  replies: Replies,
  { config = {}, ...options }: StartAppOptions = {},
): Promise<StartedDoor & { readonly model: ModelServer }> {
  const model = await startModelServer(replies);
  const door = await startDoor({
    ...options,
    config: {
      models: ['local/test-model'],
      providers: { local: { baseURL: `${model.url}/v1` } },
      permissionMode: 'full',
      ...config,
    },
  });
  return { ...door, model };
}
