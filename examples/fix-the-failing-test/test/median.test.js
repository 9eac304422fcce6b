import assert from 'node:assert/strict';
import { test } from 'node:test';
import { median } from '../src/median.js';

test('of an odd count it is the one in the middle', () => {
  assert.equal(median([3, 1, 2]), 2);
});

test('numbers are ordered as numbers', () => {
  assert.equal(median([10, 9, 100]), 10);
});
