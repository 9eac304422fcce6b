// `codebuddy triggers` against a server: prints what to enter at the sender, tests dry, and lists calls.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startApp } from '../http/start-app.ts';
import { github, pullRequest } from '../triggers/senders.ts';
import { run, temporaryFolder } from './run-cli.ts';

test('a trigger is created, tested, called, changed, rotated and removed', async () => {
  const { home, url } = await startApp({ config: { watch: false } });
  const folder = temporaryFolder();
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const codebuddy = (...words: string[]) => run(home, ['triggers', ...words]);

  const added = await codebuddy(
    ...[
      'add',
      'github',
      '--id',
      'reviews1',
      '--events',
      'pull_request,issues.opened',
      '--where',
      'action=opened',
    ],
    ...[
      '--prompt-file',
      file('review.md', 'Review {{pull_request.number}}.\n'),
      '--session-key',
      'pr-{{number}}',
    ],
  );
  expect(added.code).toBe(0);
  expect(added.stdout).toContain(`URL           ${url}/triggers/reviews1`);
  expect(added.stdout).toContain('Content type  application/json');
  expect(added.stdout).toContain('Events        pull_request, issues');
  const secret = /Secret {8}(\S+)/.exec(added.stdout)?.[1] ?? '';

  const payload = file('event.json', JSON.stringify(pullRequest(7)));
  const tested = await codebuddy('test', 'reviews1', '--event', 'pull_request', '--payload', payload);
  expect(tested.stdout).toMatch(
    /^accepted\nevent {4}pull_request.opened\nsession {2}pr-7\nmode {5}read-only\n\nReview 7\./,
  );
  const ignored = await codebuddy('test', 'reviews1', '--event', 'push', '--payload', payload);
  expect(ignored.stdout).toMatch(/^ignored: The event is push.opened/);

  await github({ url, path: '/triggers/reviews1', secret }, pullRequest(1));
  await github({ url, path: '/triggers/reviews1', secret }, pullRequest(1), { event: 'push' });
  const calls = await codebuddy('calls', 'reviews1');
  expect(calls.stdout).toMatch(/ignored +push.opened.*the filter wants/);
  expect(calls.stdout).toMatch(/accepted +pull_request.opened +ann +run_/);
  expect((await codebuddy('calls', 'reviews1', '--outcome', 'refused')).stdout).not.toContain('accepted');
  expect((await codebuddy('list')).stdout).toMatch(/reviews1 +github +enabled +ignored/);

  const updated = await codebuddy('update', 'reviews1', '--disable', '--per-minute', '2', '--new-session');
  expect(updated.stdout).toMatch(
    /state +disabled[\s\S]*session +a new one for each call[\s\S]*2 runs a minute/,
  );
  const quoted = await codebuddy('update', 'reviews1', '--data', 'number,pull_request.title');
  expect(quoted.stdout).toMatch(/data +number, pull_request.title/);
  expect((await codebuddy('update', 'reviews1', '--no-quote-data')).stdout).toMatch(/data +no fields/);
  expect((await codebuddy('update', 'reviews1', '--all-data')).stdout).toMatch(/data +all fields/);
  expect((await codebuddy('rotate', 'reviews1')).stdout).toMatch(
    /^cbt_\S+\nThe old secret is accepted until/,
  );
  expect((await codebuddy('remove', 'reviews1')).stdout).toContain('Removed trigger reviews1.');
  const gone = await codebuddy('show', 'reviews1');
  expect([gone.code === 0, gone.stderr]).toEqual([false, expect.stringContaining('not found')]);
});

test.each([
  [['add', 'github'], 'A trigger needs --prompt or --prompt-file'],
  [['add', 'gitbub', '--prompt', 'x'], 'did you mean "github"?'],
  [['add', 'slack', '--prompt', 'x'], '--secret is required'],
  [['add', 'schedule', '--prompt', 'x', '--missed', 'once'], '--time-zone and --missed need --cron'],
  [['add', 'schedule', '--prompt', 'x', '--cron', '61 * * * *'], '--cron must have five fields'],
  [['add', 'github', '--prompt', 'x', '--where', 'nothing'], '--where must be a field and its value'],
  [['add', 'github', '--prompt', 'x', '--prompt-file', 'y'], 'cannot be combined'],
  [['update', 'reviews1'], 'Nothing to change'],
  [['update', 'reviews1', '--data', 'x', '--all-data'], 'Use one of --data, --no-quote-data and --all-data'],
])('a wrong call says what would be right: %j', async (words, message) => {
  const { home } = await startApp({ config: { watch: false } });
  const { code, stderr } = await run(home, ['triggers', ...words]);
  expect([code === 0, stderr]).toEqual([false, expect.stringContaining(message)]);
});
