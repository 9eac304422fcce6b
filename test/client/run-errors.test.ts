// A client gets the same error for a run that fails after it waited for approval as for one that fails immediately.

import { expect, test } from 'vitest';
import { problems } from '../../src/base/errors.ts';
import { runErrorStatuses } from '../../src/client/failed-run.ts';
import { CodeBuddyClient, PermissionRequiredError } from '../../src/client/index.ts';
import { runErrors } from '../../src/http/prompt/run-errors.ts';
import { startModelServer } from '../agent/model-server.ts';
import { calls } from '../agent/start-model-agent.ts';
import { startApp } from '../http/start-app.ts';

async function startWaiting() {
  const model = await startModelServer(({ messages }) =>
    messages.at(-1)?.role === 'user' ? calls('bash', { command: 'true' }) : { kind: 'error', status: 401 },
  );
  return startApp({
    config: {
      models: ['local/test-model'],
      providers: { local: { baseURL: `${model.url}/v1` } },
      watch: false,
    },
  });
}

test('the HTTP status of an error follows from its code', async () => {
  const { client } = await startWaiting();
  const failed = client.prompt({ prompt: 'x' }, { onPermission: async () => ({ decision: 'allow' }) });
  await expect(failed).rejects.toMatchObject({
    name: 'CodeBuddyApiError',
    code: 'model_auth_failed',
    status: problems.model_auth_failed.status,
  });
});

test('the statuses of failed runs are those of the table', () => {
  const statuses: Readonly<Record<string, { readonly status: number } | undefined>> = problems;
  for (const [code, status] of Object.entries(runErrorStatuses))
    expect(statuses[code]?.status, code).toBe(status);
  for (const code of runErrors) expect(runErrorStatuses[code], code).toBe(problems[code].status);
});

test('cancelling a waiting run answers 409 run_cancelled', async () => {
  const { client } = await startWaiting();
  const cancelled = client.prompt(
    { prompt: 'x' },
    {
      onPermission: async ({ runId }) => {
        await client.runs.cancel(runId);
        return { decision: 'allow' };
      },
    },
  );
  await expect(cancelled).rejects.toMatchObject({ code: 'run_cancelled', status: 409 });
});

test('a repeated request with the same Idempotency-Key waits for its run', async () => {
  const { client } = await startApp();
  const key = { idempotencyKey: 'once' };
  const run = await client.runs.start({ prompt: 'help' }, key);
  expect(await client.prompt({ prompt: 'help' }, key)).toMatchObject({ status: 'completed', runId: run.id });
});

test('a waiting run has the status "waiting" on every route', async () => {
  const { client } = await startWaiting();
  await expect(client.prompt({ prompt: 'x' })).rejects.toMatchObject({ name: 'PermissionRequiredError' });
  const [listed] = (await client.runs.list({ status: 'waiting' })).runs;
  expect(listed).toMatchObject({ status: 'waiting' });
  expect(await client.runs.get(listed?.id ?? '')).toMatchObject({ status: 'waiting' });
  expect((await client.runs.list()).runs[0]).toMatchObject({ status: 'waiting' });
});

test('a key with the scope "prompt" alone learns what waits, without another request', async () => {
  const { client, url } = await startWaiting();
  const { key } = await client.keys.create({ name: 'ci', scopes: ['prompt'] });
  const ci = new CodeBuddyClient({ url, apiKey: key });
  const error = await ci.prompt('x').catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(PermissionRequiredError);
  const [pending] = (await client.permissions.list()).permissions;
  expect((error as PermissionRequiredError).permission).toMatchObject({
    id: pending?.id,
    runId: pending?.runId,
    tool: 'bash',
    params: { command: 'true' },
    rule: pending?.rule,
    expiresAt: pending?.expiresAt,
    status: 'pending',
  });
});
