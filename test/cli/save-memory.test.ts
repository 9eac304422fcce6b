// The program compiles no optimized code while it starts, only once it is used.

import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';

const limitHeap = new URL('../../src/app/limit-heap.ts', import.meta.url).href;
const atStart = new URL('../../src/app/save-memory-at-start.ts', import.meta.url).href;
/** Not Node's copy. Only this one sends deliveries and calls models. */
const undici = import.meta.resolve('undici');

/** Runs a script in a new process, because the flags of V8 apply to the whole process. Returns what it prints. */
function run(script: string, ...given: readonly string[]): unknown {
  const flags = [...given, '--allow-natives-syntax', '--input-type=module', '-e'];
  return JSON.parse(String(execFileSync(process.execPath, [...flags, script], { env: {} })));
}

/** `tag()` changes with the flags of V8; `before` is the tag of the beginning. */
const tags = `
  const tag = () => process.getBuiltinModule('v8').cachedDataVersionTag();
  const before = tag();`;

/** `isSaving()`: the flags are not those of the beginning. */
const begin = `${tags}
  const isSaving = () => tag() !== before;
  const { createServer, get } = process.getBuiltinModule('http');
  const { saveMemoryAtStart } = await import('${atStart}');
  const server = createServer((request, response) => response.end()).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const url = 'http://127.0.0.1:' + server.address().port;
  const ask = (path) => new Promise((resolve) => get(url + path, { agent: false }, (response) => response.resume().on('end', resolve)));
  const seen = [];
  const see = () => seen.push(isSaving());
  const end = () => { console.log(JSON.stringify(seen)); process.exit(); };`;

test('functions are optimized only when memory is no longer saved', () => {
  const seen = run(`
    const { saveMemory } = await import('${limitHeap}');
    const restore = saveMemory();
    const hot = new Function('n', 'let sum = 0; for (let i = 0; i < n; i++) sum += i ^ n; return sum;');
    const isOptimized = () => (%GetOptimizationStatus(hot) & 16) !== 0;
    const use = async (turns) => {
      for (let turn = 0; turn < turns && !isOptimized(); turn++) {
        for (let call = 0; call < 1000; call++) hot(100);
        await new Promise((resolve) => setImmediate(resolve));
      }
      return isOptimized();
    };
    const saving = await use(200);
    restore();
    console.log(JSON.stringify([saving, await use(100_000)]));`);
  expect(seen).toEqual([false, true]);
});

test('code compiled for the next start is valid for it, though memory is saved', () => {
  const seen = run(`${tags}
    const { limitHeap, saveMemory, withoutLimits } = await import('${limitHeap}');
    limitHeap();
    const restore = saveMemory();
    const saving = withoutLimits(tag) === before;
    restore();
    console.log(JSON.stringify([saving, withoutLimits(tag) === before]));
    process.exit();`);
  expect(seen).toEqual([true, true]);
});

test.each(['--no-opt', '--no-maglev', '--optimize-for-size'])('%s of the user stays in force', (flag) => {
  const seen = run(
    `${tags}
    const { saveMemory } = await import('${limitHeap}');
    const restore = saveMemory();
    const seen = [tag() === before];
    restore();
    console.log(JSON.stringify([...seen, tag() === before]));
    process.exit();`,
    flag,
  );
  expect(seen).toEqual([true, true]);
});

test('memory is saved until the first request, but health checks do not count', () => {
  const seen = run(`${begin}
    saveMemoryAtStart({ atMostMs: 600_000 });
    see();
    await ask('/health');
    see();
    await ask('/api/runs');
    see();
    end();`);
  expect(seen).toEqual([true, true, false]);
});

test('memory is saved until the first request to a model or receiver', () => {
  const seen = run(`${begin}
    const { request } = await import('${undici}');
    saveMemoryAtStart({ atMostMs: 600_000 });
    see();
    await request('http://127.0.0.1:1').catch(() => undefined);
    see();
    end();`);
  expect(seen).toEqual([true, false]);
});

test('memory is saved for a limited time', () => {
  const seen = run(`${begin}
    saveMemoryAtStart({ atMostMs: 1 });
    see();
    while (isSaving()) await new Promise((resolve) => setTimeout(resolve, 10));
    see();
    end();`);
  expect(seen).toEqual([true, false]);
});
