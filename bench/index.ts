// `npm run bench`: every figure we promise, measured side by side in one run, printed as one table.
// `npm run bench -- http append` runs only the named parts.

import { run as agent } from './agent.ts';
import { run as append } from './append.ts';
import { run as eventPage } from './event-page.ts';
import { run as history } from './history.ts';
import { run as http } from './http.ts';
import { run as start } from './start.ts';
import { run as webhooks } from './webhooks.ts';

export interface BenchRow {
  readonly what: string;
  readonly value: string;
  readonly target: string;
  readonly ok: boolean;
}

export interface BenchResult {
  readonly name: string;
  readonly rows: readonly BenchRow[];
}

const parts: Readonly<Record<string, () => Promise<BenchResult>>> = {
  start,
  append,
  'event-page': eventPage,
  http,
  webhooks,
  agent,
  history,
};

const wanted = process.argv.slice(2);
for (const name of wanted) {
  if (!Object.hasOwn(parts, name)) {
    console.error(`bench: there is no part '${name}'; the parts are ${Object.keys(parts).join(', ')}`);
    process.exit(2);
  }
}

const rows: BenchRow[] = [];
for (const [name, run] of Object.entries(parts)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.error(`measuring ${name} …`);
  rows.push(...(await run()).rows);
}

const width = (pick: (row: BenchRow) => string, head: string): number =>
  Math.max(head.length, ...rows.map((row) => pick(row).length));
const whatWidth = width((row) => row.what, 'figure');
const valueWidth = width((row) => row.value, 'measured');
const targetWidth = width((row) => row.target, 'target');
console.log(
  `| ${'figure'.padEnd(whatWidth)} | ${'measured'.padEnd(valueWidth)} | ${'target'.padEnd(targetWidth)} | met |`,
);
console.log(`| ${'-'.repeat(whatWidth)} | ${'-'.repeat(valueWidth)} | ${'-'.repeat(targetWidth)} | --- |`);
for (const row of rows) {
  console.log(
    `| ${row.what.padEnd(whatWidth)} | ${row.value.padEnd(valueWidth)} | ${row.target.padEnd(targetWidth)} | ${row.ok ? 'yes' : 'no '} |`,
  );
}
process.exitCode = rows.every((row) => row.ok) ? 0 : 1;
