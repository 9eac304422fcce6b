// The results of a run as JSON, as a comparison with an earlier run, and as the tables of docs/performance.md and the
// README.

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type BenchRow, markdownTable, numberText, tableOf } from './bench-result.ts';
import { type Machine, machineLine } from './machine.ts';

export interface Report {
  /** `2026-11-29` */
  readonly date: string;
  readonly machine: Machine;
  readonly rows: readonly BenchRow[];
}

/** Reads what `--json` printed. @throws Error if the file is something else */
export function readReport(path: string): Report {
  const report: unknown = JSON.parse(readFileSync(path, 'utf8'));
  if (typeof report !== 'object' || report === null || !('rows' in report) || !Array.isArray(report.rows))
    throw new Error(`${path} is not a result of npm run bench -- --json`);
  return report as Report;
}

/** Several runs of different parts as one. A row of a later report replaces the same row of an earlier one. */
export function joinReports(reports: readonly Report[]): Report {
  const [first] = reports;
  const last = reports.at(-1);
  if (first === undefined || last === undefined) throw new Error('bench: no report');
  const rows = new Map(reports.flatMap((report) => report.rows.map((row) => [row.what, row] as const)));
  const loads = reports.flatMap(({ machine }) => [machine.loadBefore, machine.loadAfter]);
  const machine = { ...first.machine, loadBefore: Math.max(...loads), loadAfter: last.machine.loadAfter };
  return {
    date: last.date,
    machine: reports.length === 1 ? first.machine : machine,
    rows: [...rows.values()],
  };
}

export function textOf({ machine, rows }: Report): string {
  return `${machineLine(machine)}\n\n${tableOf(rows)}`;
}

/** What changed: rows of both runs by name, then those of one run only. */
export function comparisonOf(earlier: Report, now: Report): string {
  const before = new Map(earlier.rows.map((row) => [row.what, row]));
  const changed = now.rows.map((row) => {
    const old = before.get(row.what);
    before.delete(row.what);
    return [row.what, old?.value ?? 'not measured', row.value, changeOf(old, row)];
  });
  const gone = [...before.values()].map((row) => [row.what, row.value, 'not measured', '-']);
  return [
    `before: ${machineLine(earlier.machine)}`,
    `now:    ${machineLine(now.machine)}`,
    '',
    markdownTable(['figure', 'before', 'now', 'change'], [...changed, ...gone]),
  ].join('\n');
}

function changeOf(old: BenchRow | undefined, row: BenchRow): string {
  if (old === undefined) return 'new';
  const verdict = old.outcome === row.outcome ? '' : `, ${old.outcome} -> ${row.outcome}`;
  if (old.measured === undefined || row.measured === undefined) return verdict.slice(2) || '-';
  const percent = (row.measured.median / old.measured.median - 1) * 100;
  // Rounds that overlap may differ by chance.
  const overlap = old.measured.max >= row.measured.min && row.measured.max >= old.measured.min;
  const text = Number.isFinite(percent) ? `${percent >= 0 ? '+' : ''}${percent.toFixed(0)} %` : '-';
  return `${text}${overlap ? ' (rounds overlap)' : ''}${verdict}`;
}

/** Replaces the tables between the markers in docs/performance.md and the README. */
export function writeTables({ date, machine, rows }: Report): void {
  const head = `Measured on ${date}: ${machineLine(machine)}.`;
  replaceBetweenMarkers('../docs/performance.md', `${head}\n\n${tableOf(rows)}`);
  const quoted = rows.flatMap(({ quote, measured, target }) =>
    quote === undefined || measured === undefined ? [] : [[quote, `${numberText(measured.median)}x`, target]],
  );
  replaceBetweenMarkers('../README.md', markdownTable(['Figure', 'Measured', 'Target'], quoted));
}

function replaceBetweenMarkers(relativePath: string, text: string): void {
  const path = fileURLToPath(new URL(relativePath, import.meta.url));
  const old = readFileSync(path, 'utf8');
  const pattern = /(<!-- bench: [^\n]*-->\n)[\s\S]*?(<!-- end of bench -->)/;
  if (!pattern.test(old)) throw new Error(`bench: ${path} has no markers for the table`);
  writeFileSync(
    path,
    old.replace(pattern, (_all, start: string, end: string) => `${start}\n${text}\n\n${end}`),
  );
}
