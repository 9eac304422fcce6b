// Runs that wait for an answer when their node stops, and a node that finds them in two ways at once.

import { expect, test } from 'vitest';
import { contentOf } from '../../src/contract/inbox.ts';
import { startModelServer } from '../agent/model-server.ts';
import { type StartAgentOptions, startAgent } from '../agent/start-agent.ts';
import { calls, says } from '../agent/start-model-agent.ts';
import { postgresUrl } from '../postgres/postgres-url.ts';
import { openNode } from '../store/postgres/shared-stores.ts';
import { waitFor } from '../wait-for.ts';

test('an answer that comes while the node still looks for left runs continues its run', async () => {
  const url = await postgresUrl();
  const model = await startModelServer(({ messages }) =>
    messages.at(-1)?.role === 'tool' ? says('Done.') : calls('bash', { command: 'echo yes' }),
  );
  const start = async (heldStore: NonNullable<StartAgentOptions['heldStore']> = (store) => store) =>
    startAgent({
      opened: await openNode(url),
      heldStore,
      models: ['local/test-model'],
      providers: { local: { baseURL: `${model.url}/v1` } },
      environment: { PATH: process.env.PATH },
    });
  const first = await start();
  const { run, result } = await first.agent.runs.start({
    prompt: 'Say yes.',
    options: { permissionMode: 'ask' },
    requestId: 'r',
  });
  result.catch(() => undefined);
  const [item] = await waitFor('the question', async () => {
    const { items } = await first.agent.inbox.list({ limit: 1 });
    return items.length > 0 && items;
  });
  await first.stop();

  const search = Promise.withResolvers<void>();
  let isFirst = true;
  const second = await start((store) => ({
    ...store,
    feed: store.feed,
    questions: {
      ...store.questions,
      // The search of the start looks late: after the end of the run, if the run does not wait for the search.
      async questionsOf(runId) {
        if (!isFirst) return store.questions.questionsOf(runId);
        isFirst = false;
        for (let looks = 0; looks < 300; looks++)
          if ((await store.getRun(runId))?.status === 'completed') break;
        return store.questions.questionsOf(runId).finally(search.resolve);
      },
    },
  }));
  if (item === undefined) throw new Error('no question');
  await waitFor('the search', () => !isFirst);
  await second.agent.inbox.answer(contentOf(item).id, { kind: 'permission', value: { decision: 'allow' } });
  await search.promise;
  await waitFor('the end of the run', async () => (await second.agent.runs.get(run.id))?.endedAt !== null);
  // The search has ended before the node has.
  await second.stop();
  const third = await start();
  expect(await third.agent.runs.get(run.id)).toMatchObject({ status: 'completed', error: null });
});
