// The process of an agent: one for all sessions, started when needed, ended when idle, with everything it started.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isProcessAlive } from '../../../src/base/is-process-alive.ts';
import { waitFor } from '../../wait-for.ts';
import { temporaryFolder } from '../start-agent.ts';
import { manualTimers } from './manual-timers.ts';
import { startAcp } from './start-acp.ts';

const pidsOf = (received: readonly { readonly pid: number }[]): readonly number[] => [
  ...new Set(received.map(({ pid }) => pid)),
];

test('20 sessions share one process and do not disturb each other', async () => {
  const acp = await startAcp({ limits: { maxActive: 20 } });
  const gate = join(acp.folder, 'gate');
  const answers = Array.from({ length: 20 }, (_, index) =>
    acp.play([
      { say: `I am ${index}.` },
      { waitFor: gate },
      { sayMany: 50, piece: `${index};` },
      ...(index === 7 ? [{ stderr: 'oops' }] : []),
      { say: ` Bye from ${index}.` },
    ]),
  );
  await waitFor('all prompts', () => acp.received('prompt').length === 20);
  writeFileSync(gate, '');
  const results = await Promise.all(answers);
  expect(results.map(({ response }) => response)).toEqual(
    results.map((_, index) => `I am ${index}.${`${index};`.repeat(50)} Bye from ${index}.`),
  );
  expect(acp.received('initialize')).toHaveLength(1);
  expect(pidsOf(acp.received())).toHaveLength(1);
});

test('a turn that ignores its cancellation does not take the others with it', async () => {
  const timers = manualTimers();
  const acp = await startAcp({ timers, behaviour: { ignoresCancel: true } });
  const gate = join(acp.folder, 'gate');
  const good = acp.play([{ waitFor: gate }, { say: 'I went on.' }]);
  const { run, result } = await acp.start([{ hang: true }]);
  result.catch(() => undefined);
  await waitFor('both prompts', () => acp.received('prompt').length === 2);
  const cancelling = acp.agent.runs.cancel(run.id);
  await waitFor('the cancellation', () => acp.received('cancel').length === 1);
  timers.advance(5000);
  expect(await cancelling).toMatchObject({ status: 'cancelled' });
  // A new turn gets another process.
  expect(await acp.play([{ say: 'new' }])).toMatchObject({ response: 'new' });
  const [old] = pidsOf(acp.received());
  expect(isProcessAlive(old as number)).toBe(true);
  writeFileSync(gate, '');
  expect(await good).toMatchObject({ response: 'I went on.' });
  await waitFor('the end of the old process', () => !isProcessAlive(old as number));
  expect(pidsOf(acp.received())).toHaveLength(2);
});

test('an idle process ends after its time, with processes that left its group, and starts again', async () => {
  const timers = manualTimers();
  const acp = await startAcp({ timers, config: { idleMs: 300_000 }, behaviour: { resumes: true } });
  const child = join(acp.folder, 'child');
  const { sessionId } = await acp.play([{ child }, { say: 'a' }]);
  const [pid] = pidsOf(acp.received()) as [number];
  timers.advance(200_000);
  await acp.play([{ say: 'b' }], {}, sessionId);
  timers.advance(299_999);
  // It is not over yet.
  expect(timers.waiting).toEqual([1]);
  expect(isProcessAlive(pid)).toBe(true);
  timers.advance(1);
  const childPid = Number(readFileSync(child, 'utf8'));
  await waitFor('the end', () => !isProcessAlive(pid) && !isProcessAlive(childPid));
  expect(await acp.play([{ say: 'c' }], {}, sessionId)).toMatchObject({ response: 'c' });
  expect(pidsOf(acp.received())).toHaveLength(2);
});

test('a process that dies between two turns is started again', async () => {
  const acp = await startAcp({ behaviour: { resumes: true } });
  const { sessionId } = await acp.play([{ say: 'a' }]);
  const [pid] = pidsOf(acp.received()) as [number];
  process.kill(pid, 'SIGKILL');
  await waitFor('its end', () => !isProcessAlive(pid));
  // The death may not be noticed yet: then the run fails, and the next one succeeds.
  const answer = await waitFor('an answer', () => acp.play([{ say: 'b' }], {}, sessionId));
  expect(answer.response).toBe('b');
});

test('the environment has what is allowed, and nothing else', async () => {
  const environment = { ...process.env, SCRIPTED_KEY: 'key-of-the-agent', OPENAI_API_KEY: 'sk-not-for-it' };
  const acp = await startAcp({
    environment,
    models: ['offline'],
    config: { passEnv: ['SCRIPTED_KEY'], env: { OWN: 'x' } },
  });
  const { response } = await acp.play([{ sayEnvironment: true }]);
  const seen = JSON.parse(response) as Record<string, string>;
  expect(seen).toMatchObject({ SCRIPTED_KEY: 'key-of-the-agent', OWN: 'x', HOME: process.env.HOME });
  expect(seen).not.toHaveProperty('OPENAI_API_KEY');
});

test('its stderr is in the log, bounded, and without secrets', async () => {
  const environment = { ...process.env, SCRIPTED_KEY: 'key-of-the-agent' };
  const acp = await startAcp({ environment, models: ['offline'], config: { passEnv: ['SCRIPTED_KEY'] } });
  await acp.play([
    { stderr: `request with key-of-the-agent failed ${'x'.repeat(5000)}` },
    { stderr: 'flood', times: 50_000 },
    { say: 'ok' },
  ]);
  const lines = await waitFor('the flood', () => {
    const own = acp.warnings.filter((warning) => warning.startsWith('agent scripted: '));
    return own.length >= 60 ? own : undefined;
  });
  expect(lines[0]).toMatch(/^agent scripted: request with \[redacted\] failed x+…$/);
  expect(lines[0]?.length).toBeLessThan(1100);
  await acp.agent.close(0);
  const all = acp.warnings.filter((warning) => warning.startsWith('agent scripted: '));
  expect(all.length).toBe(61);
  expect(all.at(-1)).toMatch(/\d+ more lines are left out$/);
  expect(all.join()).not.toContain('key-of-the-agent');
});

test('the server ends it, and its children, when it stops', async () => {
  const acp = await startAcp();
  const child = join(acp.folder, 'child');
  await acp.play([{ child }, { say: 'a' }]);
  const pids = [...pidsOf(acp.received()), Number(readFileSync(child, 'utf8'))];
  await acp.agent.close(0);
  expect(pids.filter(isProcessAlive)).toEqual([]);
});

test('a run that is stopped with the server is interrupted, and continues', async () => {
  const folder = temporaryFolder();
  const behaviour = { resumes: true };
  const acp = await startAcp({ folder, behaviour });
  const { run, result } = await acp.start([{ say: 'I work' }, { hang: true }]);
  result.catch(() => undefined);
  await waitFor('the prompt', () => acp.received('prompt')[0]);
  await acp.agent.close(0);
  expect(await acp.agent.runs.get(run.id)).toMatchObject({ status: 'interrupted' });
});
