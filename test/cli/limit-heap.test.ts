// The program keeps V8's heap small, whatever it does.

import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';

const file = new URL('../../src/app/limit-heap.ts', import.meta.url).href;

/** Works until V8 has had every reason to grow the space for new objects; returns its largest size in MB. */
function largestYoungSpace(begin: string): number {
  const script = `
    ${begin}
    const kept = [];
    let most = 0;
    for (let turn = 0; turn < 600; turn++) {
      for (let i = 0; i < 4000; i++) kept[(turn * 4000 + i) % 100_000] = { turn, text: 'x' + i };
      await new Promise((resolve) => setImmediate(resolve));
      const young = process.getBuiltinModule('v8').getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
      most = Math.max(most, young.space_size);
    }
    console.log(most / 1024 / 1024);`;
  return Number(execFileSync(process.execPath, ['--input-type=module', '-e', script], { env: {} }));
}

test('the space for new objects ends its growth at 16 MB', () => {
  expect(largestYoungSpace('')).toBeGreaterThan(64);
  const limited = largestYoungSpace(`(await import('${file}')).limitHeap();`);
  expect(limited).toBeGreaterThan(4);
  // The size is read after a collection. On a busy machine, the space may have grown once more by then.
  expect(limited).toBeLessThanOrEqual(40);
});

test('the space for new objects does not grow while memory is saved', () => {
  const grown = largestYoungSpace(`(await import('${file}')).limitHeap();`);
  const saving = largestYoungSpace(`
    const { limitHeap, saveMemory } = await import('${file}');
    limitHeap();
    saveMemory();`);
  expect(saving).toBeLessThan(grown / 2);
});
