// The prompt box of a working run, and the compaction of its session.

import { expect, test } from 'vitest';
import type { DecideReply } from '../agent/model-server-types.ts';
import { calls, says } from '../agent/start-model-agent.ts';
import { waitFor } from '../wait-for.ts';
import { violationsOf } from './axe.ts';
import { useDashboard } from './start-dashboard.ts';
import { startWithModel } from './start-model-app.ts';

const dashboard = useDashboard();
const long = 'A long answer. '.repeat(300);

/** A model that answers a request when the test lets it. A summary is the request number 0. */
function createGates() {
  const gates = new Map<number, PromiseWithResolvers<void>>();
  const gateOf = (number: number): PromiseWithResolvers<void> => {
    const gate = gates.get(number) ?? Promise.withResolvers<void>();
    gates.set(number, gate);
    return gate;
  };
  const decide: DecideReply = async ({ system }, number) => {
    if (system.startsWith('Summarize')) {
      await gateOf(0).promise;
      return says('THE SUMMARY');
    }
    await gateOf(number).promise;
    return number === 1 ? calls('list_directory', {}) : says(`${long}It was request ${number}.`);
  };
  return { decide, answer: (number: number) => gateOf(number).resolve() };
}

test('a working run is steered, a late message becomes a prompt, and the session is compacted', async () => {
  const { decide, answer } = createGates();
  const { page, client, model, show, faults } = await startWithModel(dashboard, decide);
  const { id: sessionId } = await client.sessions.create({ title: 'Steered' });
  await show(`sessions/${sessionId}`);
  const field = page.getByRole('textbox', { name: 'Prompt' });
  const steer = page.getByRole('button', { name: 'Steer' });
  const transcript = page.getByRole('list', { name: 'Transcript' });
  const asked = (number: number) => waitFor(`request ${number}`, () => model.requests.length >= number);
  await field.fill('Look around.');
  await page.getByRole('button', { name: 'Send' }).click();
  await asked(1);
  await steer.waitFor();
  await expect.poll(() => steer.isDisabled()).toBe(true);
  expect(await violationsOf(page)).toEqual([]);

  await field.fill('Be brief.');
  await field.press('Control+Enter');
  await expect.poll(() => field.inputValue()).toBe('');
  answer(1);
  await asked(2);
  expect(model.requests[1]?.messages.at(-1)?.text).toBe('Be brief.');
  await transcript.getByText('Be brief.').waitFor();

  // The run ends while the message is on its way.
  await page.route('**/steer', async (route) => {
    answer(2);
    await transcript.getByText(/^Done in/).waitFor();
    await route.continue();
  });
  await field.fill('One more thing.');
  await steer.click();
  await asked(3);
  expect(model.requests[2]?.messages.at(-1)?.text).toBe('One more thing.');
  await expect.poll(() => field.inputValue()).toBe('');
  await expect.poll(() => page.getByRole('button', { name: 'Compact' }).isDisabled()).toBe(true);
  answer(3);
  await transcript.getByText('It was request 3.').waitFor();
  const { runs } = await client.runs.list({ sessionId });
  expect(runs.map(({ prompt }) => prompt)).toEqual(['One more thing.', 'Look around.']);

  await page.getByRole('button', { name: 'Compact', exact: true }).click();
  await expect.poll(() => page.getByRole('button', { name: 'Compacting…' }).isDisabled()).toBe(true);
  // Notices go away after some seconds, so they are waited for before they can come.
  const notice = (text: RegExp): Promise<void> => page.getByText(text).waitFor();
  const summarized = notice(/^About [\d,.K ]+ tokens became [\d,.K ]+\.$/);
  answer(0);
  await summarized;
  const compact = page.getByRole('button', { name: 'Compact', exact: true });
  await expect.poll(() => compact.isEnabled()).toBe(true);
  const { events } = await client.events.list({ sessionId, type: 'session.compacted' });
  expect(events).toHaveLength(1);
  await Promise.all([notice(/^There is nothing to summarize|^The summary is not shorter/), compact.click()]);
  expect(faults.filter((fault) => !fault.includes('409'))).toEqual([]);
});
