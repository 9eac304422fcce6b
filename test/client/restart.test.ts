// The server is killed and started again while a client follows: no event is lost or repeated.

import { expect, test } from 'vitest';
import { CodeBuddyClient, type StreamEvent, type StreamState } from '../../src/client/index.ts';
import { serve, temporaryFolder } from '../cli/run-cli.ts';
import { freePort } from '../free-port.ts';
import { waitFor } from '../wait-for.ts';

test('the log is followed across a kill -9 of the server, and the state can be seen', async () => {
  const home = temporaryFolder();
  const first = await serve(home);
  const client = new CodeBuddyClient({ home });
  const seen: StreamEvent[] = [];
  const states: StreamState['status'][] = [];
  const controller = new AbortController();
  const { signal } = controller;
  const onState = ({ status }: StreamState): void => {
    if (states.at(-1) !== status) states.push(status);
  };
  const following = (async () => {
    for await (const event of client.events.stream({ after: 0, signal, onState })) seen.push(event);
  })();
  const before = await client.prompt('help');
  const saw = (runId: string): Promise<boolean> =>
    waitFor('the end of the run', () => seen.some((e) => e.type === 'run.complete' && e.runId === runId));
  await saw(before.runId);
  first.child.kill('SIGKILL');
  await waitFor('the loss of the connection', () => states.at(-1) === 'reconnecting');
  await first.finished;
  await serve(home);
  const after = await client.prompt('help');
  await saw(after.runId);
  controller.abort();
  await expect(following).rejects.toMatchObject({ name: 'AbortError' });
  expect(states).toEqual(['live', 'reconnecting', 'live', 'stopped']);
  expect(seen.map(({ sequence }) => sequence)).toEqual(seen.map((_, index) => index + 1));
  client.close();
});

test('a stream of a run whose server is killed resumes, and ends with the interruption', async () => {
  const home = temporaryFolder();
  const first = await serve(home);
  const client = new CodeBuddyClient({ home });
  const seen: StreamEvent[] = [];
  const streaming = (async () => {
    for await (const event of client.stream('run sleep 300')) seen.push(event);
  })();
  await waitFor('the tool', () => seen.some(({ type }) => type === 'tool.start'));
  first.child.kill('SIGKILL');
  await first.finished;
  await serve(home);
  await streaming;
  expect(seen.at(-1)).toMatchObject({ type: 'run.failed', data: { interrupted: true } });
  const sequences = seen.flatMap(({ sequence }) => sequence ?? []);
  expect(sequences).toEqual([...new Set(sequences)].sort((left, right) => left - right));
  client.close();
});

test('a client that waits for the server connects when it starts', async () => {
  const home = temporaryFolder();
  const port = ['--port', String(await freePort())];
  const first = await serve(home, port);
  const client = new CodeBuddyClient({ home, url: first.url });
  first.child.kill('SIGTERM');
  await first.finished;
  const states: StreamState[] = [];
  const controller = new AbortController();
  const { signal } = controller;
  const types: string[] = [];
  const following = (async () => {
    const options = { waitForServer: true, signal, onState: (state: StreamState) => states.push(state) };
    for await (const { type } of client.events.stream(options)) types.push(type);
  })();
  await waitFor('an attempt', () => states.some(({ status }) => status === 'reconnecting'));
  expect(states[0]).toMatchObject({ error: { name: 'CodeBuddyConnectionError', reason: 'refused' } });
  await serve(home, port);
  await waitFor('the connection', () => states.at(-1)?.status === 'live');
  await client.sessions.create({ title: 'new' });
  await waitFor('the event', () => types.includes('session.start'));
  controller.abort();
  await expect(following).rejects.toMatchObject({ name: 'AbortError' });
  client.close();
});
