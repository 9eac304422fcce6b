// `npm run bench`: measures every promised figure in one run and prints them as one table. See `usage` for the options.

import { parseArgs } from 'node:util';
import type { BenchRow } from './bench-result.ts';
import { describeMachine, loadNow } from './machine.ts';
import { parts } from './parts.ts';
import { comparisonOf, joinReports, type Report, readReport, textOf, writeTables } from './report.ts';

const usage = `Usage: npm run bench -- [PART...] [OPTIONS]

  PART             Measure only these parts: ${parts.map(({ name }) => name).join(', ')}.
  --json           Print the results as JSON.
  --compare FILE   Print what changed since FILE, a result of --json.
  --markdown       Write the tables of docs/performance.md and README.md.
  --from FILE      Read results of --json instead of measuring. May be given several times.
  --backlog N      Pending deliveries of the backlog that is drained. Default: 400000.
`;

function fail(message: string): never {
  console.error(`bench: ${message}\n\n${usage}`);
  return process.exit(2);
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        compare: { type: 'string' },
        markdown: { type: 'boolean', default: false },
        from: { type: 'string', multiple: true },
        backlog: { type: 'string', default: '400000' },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

const { values, positionals } = readArguments();
if (values.help) {
  console.log(usage);
  process.exit();
}
const unknown = positionals.find((name) => !parts.some((part) => part.name === name));
if (unknown !== undefined) fail(`Unknown part ${JSON.stringify(unknown)}.`);
const backlog = Number(values.backlog);
if (!Number.isInteger(backlog) || backlog < 1000) fail('--backlog must be a whole number of at least 1000.');
if (values.markdown && positionals.length > 0)
  fail('--markdown needs all parts, so that its table is whole.');

async function measure(): Promise<Report> {
  const loadBefore = loadNow();
  const machine = await describeMachine();
  const rows: BenchRow[] = [];
  for (const { name, load } of parts) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    const startedAt = performance.now();
    process.stderr.write(`Measuring ${name} …`);
    try {
      const { run } = await load();
      rows.push(...(await run({ backlog })).rows);
    } catch (error) {
      // The other parts are measured: a run takes a quarter of an hour.
      console.error(`\nbench: ${name} failed:`, error);
      rows.push({ what: name, value: 'failed', target: '-', outcome: 'missed' });
    }
    process.stderr.write(` ${((performance.now() - startedAt) / 1000).toFixed(0)} s\n`);
  }
  const date = new Date().toISOString().slice(0, 10);
  return { date, machine: { ...machine, loadBefore, loadAfter: loadNow() }, rows };
}

const earlier = values.compare === undefined ? undefined : readReport(values.compare);
const report = values.from === undefined ? await measure() : joinReports(values.from.map(readReport));
if (values.markdown) writeTables(report);
if (values.json) console.log(JSON.stringify(report, null, 2));
else console.log(earlier === undefined ? textOf(report) : comparisonOf(earlier, report));
process.exitCode = report.rows.some(({ outcome }) => outcome === 'missed') ? 1 : 0;
