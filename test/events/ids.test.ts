// Ids: unique, of one form, and in the order of their creation, also if the clock is set back.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isId, makeId } from '../../src/base/ids.ts';

const pattern = /^evt_[0-9A-HJKMNP-TV-Z]{26}$/;

function isSorted(ids: readonly string[]): boolean {
  return ids.every((id, n) => n === 0 || (ids[n - 1] as string) < id);
}

test('100 000 ids are unique, sorted and of one form', () => {
  const ids = Array.from({ length: 100_000 }, () => makeId('evt'));
  expect(new Set(ids).size).toBe(100_000);
  expect(isSorted(ids)).toBe(true);
  expect(ids.every((id) => pattern.test(id) && isId('evt', id))).toBe(true);
});

test('ids are sorted even if the clock jumps', () => {
  // 48 bits last until the year 10889.
  const times = fc.array(fc.integer({ min: 0, max: 2 ** 48 - 1 }), { minLength: 2, maxLength: 200 });
  fc.assert(
    fc.property(times, (clock) => {
      const ids = clock.map((now) => makeId('evt', now));
      expect(isSorted(ids)).toBe(true);
      expect(ids.every((id) => isId('evt', id))).toBe(true);
    }),
  );
});

test('no other text counts as an id', () => {
  fc.assert(fc.property(fc.string(), (text) => !isId('evt', text)));
  const id = makeId('ses');
  expect(isId('ses', id)).toBe(true);
  for (const wrong of [
    id.toLowerCase(),
    `${id} `,
    `${id}\n`,
    id.slice(0, -1),
    `${id}0`,
    id.replace('ses', 'run'),
  ]) {
    expect(isId('ses', wrong), wrong).toBe(false);
  }
});
