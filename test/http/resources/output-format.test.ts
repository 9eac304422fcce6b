// `options.format`: the answer is JSON that matches a schema, or the run fails.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CodeBuddyApiError } from '../../../src/client/index.ts';
import { startModelServer } from '../../agent/model-server.ts';
import { startAgent } from '../../agent/start-agent.ts';
import { says } from '../../agent/start-model-agent.ts';
import { type StartedApp, startApp } from '../start-app.ts';
import { byScripted, startScripted } from './start-scripted.ts';

const schema = {
  type: 'object',
  properties: { name: { type: 'string', pattern: '^[a-z]+$' }, age: { type: ['integer', 'null'] } },
  required: ['name', 'age'],
  additionalProperties: false,
};
const format = { type: 'json_schema' as const, schema };

const errorOf = (promise: Promise<unknown>): Promise<CodeBuddyApiError> =>
  promise.then(
    () => Promise.reject(new Error('no error')),
    (error: unknown) => (error instanceof CodeBuddyApiError ? error : Promise.reject(error)),
  );

/** One model for all tests of this file; each sets its replies. */
async function startWithModel(...replies: readonly string[]) {
  const model = await startModelServer(replies.map((text) => says(text)));
  const providers = { local: { baseURL: `${model.url}/v1` } };
  const app: StartedApp = await startApp({ config: { watch: false, models: ['local/m'], providers } });
  return { ...app, model };
}

test('a valid answer comes back as response and as data, on every way', async () => {
  const answer = '```json\n{"name": "ada", "age": null}\n```';
  const { client, model, url, home } = await startWithModel(answer);
  const result = await client.prompt({ prompt: 'Who?', options: { format } });
  expect(result).toMatchObject({ response: answer, data: { name: 'ada', age: null } });
  expect(await client.runs.get(result.runId)).toMatchObject({ data: result.data, outputRetries: null });
  expect(model.requests[0]?.system).toContain(JSON.stringify(schema));
  const events: unknown[] = [];
  for await (const event of client.stream({ prompt: 'Who?', options: { format } }))
    if (event.type === 'run.complete') events.push(event.data);
  expect(events).toEqual([expect.objectContaining({ response: answer, data: result.data })]);

  const key = readFileSync(`${home}/api/api-key`, 'utf8').trim();
  const ask = async (path: string, body: object) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
    const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    // biome-ignore lint/suspicious/noExplicitAny: the answer of another API, which the test looks into.
    return (await response.json()) as any;
  };
  const chat = { messages: [{ role: 'user', content: 'Who?' }] };
  const json_schema = { name: 'person', schema };
  const asked = await ask('/v1/chat/completions', {
    ...chat,
    response_format: { type: 'json_schema', json_schema },
  });
  expect(asked.choices[0].message.content).toBe('{"name":"ada","age":null}');
  const wrong = { name: 'person', schema: { type: 'nothing' } };
  const refused = await ask('/v1/chat/completions', {
    ...chat,
    response_format: { type: 'json_schema', json_schema: wrong },
  });
  expect(refused.error).toMatchObject({
    param: expect.stringContaining('response_format.json_schema.schema'),
  });
});

test('the model is told what is wrong, twice at most, and the tries are counted', async () => {
  const { client, model } = await startWithModel(
    'Ada.',
    '{"name": "Ada"}',
    '{"name": "ada", "age": 36}',
    'no',
    'no',
    'no, again',
  );
  const { data, runId, sessionId } = await client.prompt({ prompt: 'Who?', options: { format } });
  expect(data).toEqual({ name: 'ada', age: 36 });
  expect((await client.runs.get(runId)).outputRetries).toBe(2);
  expect(model.requests[1]?.messages.at(-1)?.text).toMatch(/^Your answer is not JSON\./);
  const told = model.requests[2]?.messages.at(-1)?.text;
  expect(told).toContain('age is required');
  expect(told).toContain('name must match the pattern ^[a-z]+$');
  const { events } = await client.events.list({ runId, type: 'output.rejected' });
  expect(events.map(({ data: one }) => (one as { retry: number }).retry)).toEqual([1, 2]);

  const failed = await errorOf(client.prompt({ prompt: 'Who?', sessionId, options: { format } }));
  expect(failed).toMatchObject({ status: 422, code: 'output_invalid', response: 'no, again' });
  const [last] = (await client.runs.list({ limit: 1 })).runs;
  expect(last).toMatchObject({ status: 'failed', response: 'no, again', outputRetries: 2 });
  expect(last?.data).toBeUndefined();
  const ends: unknown[] = [];
  for await (const event of client.stream({ prompt: 'Who?', sessionId, options: { format, maxSteps: 1 } }))
    if (event.type === 'run.failed') ends.push(event.data);
  expect(ends).toEqual([
    expect.objectContaining({
      code: 'output_invalid',
      response: 'no, again',
      message: expect.stringContaining('max_steps'),
    }),
  ]);
});

test('the offline agent satisfies a format with the output of its command, or fails', async () => {
  const { client, write } = await startApp({ config: { watch: false } });
  write('ada.json', '{"name": "ada", "age": null}');
  write('bad.json', '{"name": "ada"}');
  const good = await client.prompt({ prompt: 'read ada.json', options: { format } });
  expect(good.data).toEqual({ name: 'ada', age: null });
  expect(await errorOf(client.prompt({ prompt: 'read bad.json', options: { format } }))).toMatchObject({
    code: 'output_invalid',
    message: expect.stringContaining('age is required'),
    response: '{"name": "ada"}',
  });
});

test('a schema that cannot be used is refused before anything is started, by the name of its field', async () => {
  const { client } = await startApp({ config: { watch: false } });
  const refusals: readonly (readonly [schema: Record<string, unknown>, pointer: string])[] = [
    [{ type: 'object', properties: { a: { type: 'text' } } }, '/options/format/schema/properties/a/type'],
    [{ type: 'object', required: 'a' }, '/options/format/schema/required'],
    [{ $ref: 'https://example.com/schema.json' }, '/options/format/schema'],
    [{ pattern: '(a+)+(?=b)' }, '/options/format/schema'],
    [{ $async: true }, '/options/format/schema/$async'],
    [{ description: 'a'.repeat(65_536) }, '/options/format/schema'],
  ];
  for (const [one, pointer] of refusals) {
    const error = await errorOf(
      client.prompt({ prompt: 'help', options: { format: { type: 'json_schema', schema: one } } }),
    );
    expect(error, JSON.stringify(one).slice(0, 80)).toMatchObject({ status: 422, code: 'validation_failed' });
    expect(error.errors.map((field) => field.pointer)).toEqual([pointer]);
  }
  const { runs } = await client.runs.list();
  expect(runs).toEqual([]);
});

test('an agent whose answers cannot be held to a schema says so', async () => {
  const { client } = await startScripted();
  const error = await errorOf(client.prompt({ ...byScripted, options: { ...byScripted.options, format } }));
  expect(error).toMatchObject({ status: 422, code: 'not_supported_by_agent' });
  expect(error.errors[0]?.pointer).toBe('/options/format');
});

test('a provider with a native mode gets the schema; a model that refuses it is asked without', async () => {
  let refuses = false;
  const server = await startModelServer(({ body }) => {
    if (refuses && JSON.stringify(body).includes('"json_schema"'))
      return { kind: 'error', status: 400, message: 'structured output is not supported with this model' };
    return says('{"name":"ada","age":1}');
  });
  const { prompt } = await startAgent({
    environment: {
      PATH: process.env.PATH,
      OPENAI_API_KEY: 'k',
      OPENAI_BASE_URL: `${server.url}/v1`,
      ANTHROPIC_API_KEY: 'k',
      ANTHROPIC_BASE_URL: `${server.url}/v1`,
      GEMINI_API_KEY: 'k',
      GOOGLE_BASE_URL: `${server.url}/v1beta`,
    },
    models: ['openai/gpt-5.6'],
  });
  const bodyFor = async (model: string): Promise<unknown> => {
    const { data } = await prompt('Who?', { model, format });
    expect(data).toEqual({ name: 'ada', age: 1 });
    return server.requests.at(-1)?.body;
  };
  const form = { type: 'json_schema', name: 'answer', strict: true, schema: expect.anything() };
  expect(await bodyFor('openai/gpt-5.6')).toMatchObject({ text: { format: form } });
  expect(await bodyFor('anthropic/claude-sonnet-5-5')).toMatchObject({
    output_config: { format: { type: 'json_schema' } },
    tools: expect.anything(),
  });
  // It takes no schema beside tools.
  expect(JSON.stringify(await bodyFor('google/gemini-3.8-flash'))).not.toContain('responseJsonSchema');
  refuses = true;
  expect(JSON.stringify(await bodyFor('openai/gpt-5.6'))).not.toContain('"json_schema"');
});
