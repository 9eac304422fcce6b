// What each part of the benchmark returns, and the table that shows it.

/** `none`: the row has no target. `skipped`: it could not be measured here, so its target is neither met nor missed. */
export type Outcome = 'met' | 'missed' | 'skipped' | 'none';

export interface BenchRow {
  readonly what: string;
  readonly value: string;
  readonly target: string;
  readonly outcome: Outcome;
}

export interface BenchResult {
  readonly name: string;
  readonly rows: readonly BenchRow[];
}

export function outcomeOf(isMet: boolean): Outcome {
  return isMet ? 'met' : 'missed';
}

const columns = ['figure', 'measured', 'target', 'met'] as const;
const metWords: Readonly<Record<Outcome, string>> = {
  met: 'yes',
  missed: 'no',
  skipped: 'skipped',
  none: '-',
};

/** Prints the rows as a Markdown table. */
export function printRows(rows: readonly BenchRow[]): void {
  const cells = [
    columns,
    ...rows.map(({ what, value, target, outcome }) => [what, value, target, metWords[outcome]] as const),
  ];
  const widths = columns.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [head = columns, ...body] = cells;
  console.log(line(head));
  console.log(`| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`);
  for (const row of body) console.log(line(row));
}
