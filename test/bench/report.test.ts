// The figures of the benchmark: how rounds become a row, and how two runs are compared.

import { expect, test } from 'vitest';
import { type BenchRow, rowOf, skippedRow } from '../../bench/bench-result.ts';
import type { Machine } from '../../bench/machine.ts';
import { comparisonOf, joinReports, type Report } from '../../bench/report.ts';
import { alternate, quantile, spreadOf } from '../../bench/rounds.ts';

const machine: Machine = {
  cores: 2,
  cpu: 'a processor',
  node: 'v24.0.0',
  loadBefore: 0.5,
  loadAfter: 0.7,
  fdatasyncMs: 0.3,
  isTmpfs: false,
};
const report = (...rows: readonly BenchRow[]): Report => ({ date: '2026-11-29', machine, rows });
const ratio = (what: string, ...values: readonly number[]): BenchRow =>
  rowOf({ what, measured: spreadOf(values), target: { atLeast: 0.5 } });

test('rounds alternate which side goes first, and neighbours are compared', async () => {
  const order: string[] = [];
  const compared = await alternate(
    3,
    async (round) => {
      order.push(`ours ${round}`);
      return (round + 1) * 10;
    },
    async (round) => {
      order.push(`bare ${round}`);
      return round === 2 ? 15 : 10;
    },
  );
  expect(order).toEqual(['ours 0', 'bare 0', 'bare 1', 'ours 1', 'ours 2', 'bare 2']);
  expect(compared.ratio).toEqual({ median: 2, min: 1, max: 2 });
  expect(compared.ours).toEqual({ median: 20, min: 10, max: 30 });
});

test('a quantile is a measured value, also of few values', () => {
  expect(quantile([3, 1, 2], 0.5)).toBe(2);
  expect(quantile([3, 1, 2], 0.99)).toBe(3);
  expect(() => spreadOf([])).toThrow('nothing was measured');
});

test('the median decides whether a target is met, and the range is shown', () => {
  expect(ratio('a', 0.4, 0.6, 0.7)).toMatchObject({
    value: '0.60x (0.40 to 0.70)',
    target: '>= 0.5x',
    outcome: 'met',
  });
  expect(ratio('a', 0.4, 0.45, 0.7).outcome).toBe('missed');
  expect(rowOf({ what: 'b', measured: spreadOf([61]), unit: 'MB', target: { atMost: 60 } }).outcome).toBe(
    'missed',
  );
  expect(rowOf({ what: 'c', measured: spreadOf([1]) })).toMatchObject({ target: '-', outcome: 'none' });
});

test('a skipped row is neither met nor missed', () => {
  expect(skippedRow('d', 'there is no C compiler', { atMost: 1.5 })).toEqual({
    what: 'd',
    value: 'skipped: there is no C compiler',
    target: '<= 1.5x',
    outcome: 'skipped',
  });
});

test('a comparison shows the change, changed verdicts, and rows of one run only', () => {
  const text = comparisonOf(
    report(ratio('faster', 0.4), ratio('same', 0.5, 0.6, 0.7), ratio('gone', 1)),
    report(ratio('faster', 0.8), ratio('same', 0.6, 0.66, 0.8), ratio('added', 1)),
  );
  expect(text).toMatch(/faster +\| 0\.40x +\| 0\.80x +\| \+100 %, missed -> met /);
  expect(text).toMatch(/same .*\| \+10 % \(rounds overlap\) /);
  expect(text).toMatch(/added +\| not measured +\| 1\.00x +\| new /);
  expect(text).toMatch(/gone +\| 1\.00x +\| not measured +\| - /);
});

test('reports of different parts are joined, and the highest load is reported', () => {
  const busy = { ...report(ratio('b', 0.9), ratio('a', 0.7)), machine: { ...machine, loadBefore: 6 } };
  const joined = joinReports([report(ratio('a', 0.5)), busy]);
  expect(joined.rows.map(({ what, value }) => `${what} ${value}`)).toEqual(['a 0.70x', 'b 0.90x']);
  expect(joined.machine.loadBefore).toBe(6);
});
