// The program keeps V8's heap small, whatever it does.

import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';

const file = new URL('../../src/app/limit-heap.ts', import.meta.url).href;

/** Works until V8 has had every reason to grow the space for new objects; returns its sizes in MB, smallest first. */
function youngSpaces(begin: string): readonly number[] {
  const script = `
    ${begin}
    const kept = [];
    const sizes = [];
    for (let turn = 0; turn < 600; turn++) {
      for (let i = 0; i < 4000; i++) kept[(turn * 4000 + i) % 100_000] = { turn, text: 'x' + i };
      await new Promise((resolve) => setImmediate(resolve));
      const young = process.getBuiltinModule('v8').getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
      sizes.push(young.space_size / 1024 / 1024);
    }
    console.log(JSON.stringify(sizes.sort((left, right) => left - right)));`;
  return JSON.parse(
    String(execFileSync(process.execPath, ['--input-type=module', '-e', script], { env: {} })),
  );
}

test('the space for new objects ends its growth at 16 MB', () => {
  expect(youngSpaces('').at(-1)).toBeGreaterThan(64);
  const limited = youngSpaces(`(await import('${file}')).limitHeap();`).at(-1);
  expect(limited).toBeGreaterThan(4);
  // The size is read after a collection. On a busy machine, the space may have grown once more by then.
  expect(limited).toBeLessThanOrEqual(40);
});

test('the space for new objects does not grow while memory is saved', () => {
  const usual = median(youngSpaces(`(await import('${file}')).limitHeap();`));
  const saving = median(
    youngSpaces(`
      const { limitHeap, saveMemory } = await import('${file}');
      limitHeap();
      saveMemory();`),
  );
  expect(saving).toBeLessThanOrEqual(usual / 3);
});

function median(sorted: readonly number[]): number {
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
