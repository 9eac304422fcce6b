// The progress of commands that read many pages.

import { expect, test } from 'vitest';
import { createReadProgress } from '../../src/cli/read-progress.ts';

function start(isTerminal: boolean) {
  const written: string[] = [];
  const clock = { now: 5000 };
  const write = (text: string): void => void written.push(text);
  return { written, clock, progress: createReadProgress({ isTerminal, write, now: () => clock.now }) };
}

test('nothing is shown in the first second', () => {
  const { written, clock, progress } = start(true);
  progress.read('runs', 200);
  clock.now += 999;
  progress.read('runs', 200);
  progress.end();
  expect(written).toEqual([]);
});

test('on a terminal, one line changes and is removed at the end', () => {
  const { written, clock, progress } = start(true);
  progress.read('runs', 200);
  clock.now += 1000;
  progress.read('runs', 200);
  clock.now += 50;
  progress.read('deliveries', 10);
  clock.now += 50;
  progress.read('deliveries', 7);
  progress.end();
  progress.end();
  expect(written).toEqual([
    '\r\x1b[KReading: 400 runs…',
    '\r\x1b[KReading: 400 runs, 17 deliveries…',
    '\r\x1b[K',
  ]);
});

test('without a terminal, a line is printed after a second, then every five', () => {
  const { written, clock, progress } = start(false);
  for (const [ms, count] of [
    [0, 1],
    [1000, 2],
    [4999, 3],
    [1, 4],
  ] as const) {
    clock.now += ms;
    progress.read('runs', count);
  }
  progress.end();
  expect(written).toEqual(['Reading: 3 runs…\n', 'Reading: 10 runs…\n']);
});
