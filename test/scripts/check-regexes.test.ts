import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { checkRegexes } from '../../scripts/check-regexes.ts';

async function problemsOf(code: string): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'codebuddy-regexes-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'src'));
  writeFileSync(join(folder, 'src', 'planted.ts'), code);
  const { findings } = await checkRegexes(join(folder, 'src'));
  return findings.map(({ place, problem }) => `${place} ${problem}`);
}

it.each([
  ['an exponential literal', 'export const a = /^(a+)+$/;', 'exponential'],
  ['a quadratic literal', 'export const a = (t: string) => t.replace(/\\s+$/, "");', 'polynomial'],
  ['new RegExp', 'export const a = new RegExp("^(a|a)*$");', 'exponential'],
  ['RegExp without new', 'export const a = RegExp("^(a|a)*$", "i");', 'exponential'],
  [
    'a template of constants',
    'const part = "a+"; export const a = new RegExp(`^(?:$'.concat('{part})+$`);'),
    'exponential',
  ],
  [
    'String.raw with constants',
    'const part = "a+"; export const a = new RegExp(String.raw`^(?:$'.concat('{part}\\d*)+$`);'),
    'exponential',
  ],
  ['a string given to match', 'export const a = (t: string) => t.match("^(a|a)*$");', 'exponential'],
  ['the pattern of a JSON Schema', 'export const a = { pattern: "^(a+)+$" };', 'exponential'],
  ['a source that is not constant', 'export const a = (t: string) => new RegExp(t);', 'is not a constant'],
])('npm run redos finds %s', async (_what, code, problem) => {
  const [found, ...more] = await problemsOf(code);
  expect(found).toContain('src/planted.ts:1');
  expect(found).toContain(problem);
  expect(more).toEqual([]);
});

it('npm run redos accepts linear expressions, and exceptions with a reason', async () => {
  const code = `
    export const linear = /^[a-z]+(?:-[a-z]+)*$/;
    // redos: at most 20 characters long
    export const excused = /^(a+)+$/;
    // redos:
    export const withoutReason = /^(b+)+$/;
  `;
  expect(await problemsOf(code)).toEqual([expect.stringContaining('src/planted.ts:6')]);
});
