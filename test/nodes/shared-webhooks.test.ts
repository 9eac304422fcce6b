// Webhooks of two servers on one PostgreSQL database, through the command line.

import { expect, test } from 'vitest';
import { run, serve, temporaryFolder } from '../cli/run-cli.ts';
import { postgresUrl } from '../postgres/postgres-url.ts';
import { waitFor } from '../wait-for.ts';
import { startReceiver } from '../webhooks/recording-receiver.ts';

test('a webhook that is created on one server works from the other one, and after the first was killed', async () => {
  const DATABASE_URL = await postgresUrl();
  const homes = [temporaryFolder(), temporaryFolder()] as const;
  const [first] = await Promise.all(homes.map((home) => serve(home, [], { DATABASE_URL })));
  const receiver = await startReceiver();
  const created = await run(homes[0], ['webhooks', 'create', receiver.url, '--event', 'run.*', '--json']);
  expect(created.code, created.stderr).toBe(0);
  const { id } = JSON.parse(created.stdout) as { readonly id: string };

  const listed = await run(homes[1], ['webhooks', 'list']);
  expect(listed.stdout).toContain(id);
  const tested = await run(homes[1], ['webhooks', 'test', id]);
  expect(tested.code, tested.stderr).toBe(0);
  await receiver.received(1);

  const prompted = await run(homes[1], ['prompt', 'hello']);
  expect(prompted.code, prompted.stderr).toBe(0);
  const before = (await receiver.received(3)).length;

  first?.child.kill('SIGKILL');
  const again = await run(homes[1], ['prompt', 'hello again']);
  expect(again.code, again.stderr).toBe(0);
  await receiver.received(before + 2);
  await waitFor('the webhook to be healthy', async () => {
    const shown = await run(homes[1], ['webhooks', 'show', id, '--json']);
    return (JSON.parse(shown.stdout) as { state: { status: string; pending: number } }).state.pending === 0;
  });
});
