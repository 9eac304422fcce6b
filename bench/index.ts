// `npm run bench`: measures every promised figure in one run and prints them as one table.
// `npm run bench -- http append` measures only these parts.

import { run as agent } from './agent.ts';
import { run as append } from './append.ts';
import { type BenchResult, type BenchRow, printRows } from './bench-result.ts';
import { run as eventPage } from './event-page.ts';
import { run as history } from './history.ts';
import { run as http } from './http.ts';
import { run as start } from './start.ts';
import { run as streams } from './streams.ts';
import { run as webhooks } from './webhooks.ts';

const parts: Readonly<Record<string, () => Promise<BenchResult>>> = {
  start,
  append,
  'event-page': eventPage,
  streams,
  http,
  webhooks,
  agent,
  history,
};

const wanted = process.argv.slice(2);
for (const name of wanted) {
  if (!Object.hasOwn(parts, name)) {
    console.error(`bench: Unknown part ${JSON.stringify(name)}. Parts: ${Object.keys(parts).join(', ')}.`);
    process.exit(2);
  }
}

const rows: BenchRow[] = [];
for (const [name, run] of Object.entries(parts)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.error(`Measuring ${name} …`);
  rows.push(...(await run()).rows);
}
printRows(rows);
process.exitCode = rows.some(({ outcome }) => outcome === 'missed') ? 1 : 0;
