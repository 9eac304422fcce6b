// A session that is deleted while a prompt for it arrives.

import { expect, test } from 'vitest';
import { CodeBuddyError } from '../../src/base/errors.ts';
import { startAgent } from './start-agent.ts';

test('a prompt to a session that is being deleted runs, or fails with session_not_found', async () => {
  const { agent } = await startAgent();
  const codes: string[] = [];
  // Deletes after each number of turns that the prompt may need before its commit.
  for (let turns = 0; turns < 40; turns++) {
    const { id } = await agent.sessions.create({ title: `after ${turns} turns` });
    const starting = agent.runs.start({ prompt: 'list *.md', sessionId: id, options: {}, requestId: 'r' });
    const started = starting.then(({ result }) => result);
    for (let turn = 0; turn < turns; turn++) await undefined;
    const outcomes = await Promise.allSettled([started, agent.sessions.delete(id)]);
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled') continue;
      expect(outcome.reason).toBeInstanceOf(CodeBuddyError);
      codes.push((outcome.reason as CodeBuddyError).code);
    }
  }
  expect(codes).toContain('session_not_found');
  expect(codes.filter((code) => code !== 'session_not_found' && code !== 'session_busy')).toEqual([]);
});
