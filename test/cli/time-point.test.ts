// Points in time that flags accept.

import { describe, expect, it } from 'vitest';
import { readPoint, readTime } from '../../src/cli/time-point.ts';
import { run, serve, start, temporaryFolder } from './run-cli.ts';

const now = Date.parse('2026-11-29T14:30:00Z');

describe('a time', () => {
  it.each([
    ['2h', '2026-11-29T12:30:00.000Z'],
    ['1h30m', '2026-11-29T13:00:00.000Z'],
    ['90s', '2026-11-29T14:28:30.000Z'],
    ['15min', '2026-11-29T14:15:00.000Z'],
    ['7d', '2026-11-22T14:30:00.000Z'],
    ['2w', '2026-11-15T14:30:00.000Z'],
    ['1.5h', '2026-11-29T13:00:00.000Z'],
    ['2026-11-23T10:00:00Z', '2026-11-23T10:00:00.000Z'],
    ['2026-11-23 10:00+02:00', '2026-11-23T08:00:00.000Z'],
    ['2026-11-23', new Date(2026, 10, 23).toISOString()],
    ['2026-11-23T10:00', new Date(2026, 10, 23, 10).toISOString()],
  ])('%s is %s', (text, time) => {
    expect(readTime('--since', text, now)).toBe(time);
    expect(readPoint('--after', text, now)).toBe(time);
  });

  it.each([
    '',
    '2026-02-30',
    '2026-13-01',
    '2026-11-23T25:00',
    '2 h',
    'h',
    '-2h',
    'yesterday',
    '12e3h',
    '2026',
  ])('%j is refused, with the accepted forms', (text) => {
    expect(() => readTime('--since', text, now)).toThrow(/^--since must be a date \(2026-11-29\).*, not /);
  });

  it('is distinguished from a sequence number', () => {
    expect(readPoint('--after', '1200', now)).toBe(1200);
  });
});

it('is accepted by every --after and --since', async () => {
  const home = temporaryFolder();
  await serve(home);
  const key = ['webhooks', 'create', 'http://127.0.0.1:9997/', '--event', 'tool.*', '--json'];
  const { id } = JSON.parse((await run(home, key)).stdout) as { id: string };
  const today = new Date();
  await run(home, ['tools', 'run', 'list_directory', '--json']);
  const date = `${today.getFullYear()}-${String(today.getMonth() + 1).padStart(2, '0')}-${String(today.getDate()).padStart(2, '0')}`;
  for (const since of [date, '2h'])
    expect(
      JSON.parse((await run(home, ['deliveries', 'list', '--since', since, '--json'])).stdout).deliveries
        .length,
    ).toBeGreaterThan(0);
  expect(
    JSON.parse((await run(home, ['deliveries', 'list', '--since', '0s', '--json'])).stdout).deliveries,
  ).toEqual([]);
  expect((await run(home, ['deliveries', 'retry', '--failed', '--since', '2h', '--dry-run'])).stdout).toMatch(
    /Would queue \d+ deliver/,
  );
  const unfit = await run(home, ['deliveries', 'retry', 'dlv_01M8MVAN96A2JH8ZYPR0KTCVCR', '--dry-run']);
  expect(unfit).toMatchObject({ code: 2, stderr: expect.stringContaining('--dry-run needs --failed') });
  expect((await run(home, ['deliveries', 'retry', '--failed', '--since', '2h'])).stdout).toMatch(
    /Queued \d+ deliver/,
  );
  expect((await run(home, ['webhooks', 'replay', id, '--after', '2h', '--before', '1h'])).stdout).toContain(
    'Queued 0 events',
  );
  const tail = start(home, ['events', 'tail', '--after', '2h', '--json']);
  await tail.saw('tool.complete');
  tail.child.kill('SIGINT');
  await tail.finished;
  const wrong = await run(home, ['events', 'tail', '--after', 'soon']);
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain('--after must be a sequence number, a date');
});
