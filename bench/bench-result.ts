// What each part of the benchmark returns, and the tables that show it. A figure is the median of rounds, with the
// lowest and the highest.

import type { Spread } from './rounds.ts';

/** `none`: the row has no target. `skipped`: it could not be measured here, so its target is neither met nor missed. */
export type Outcome = 'met' | 'missed' | 'skipped' | 'none';

export interface BenchRow {
  readonly what: string;
  /** The figure as the table shows it. */
  readonly value: string;
  readonly target: string;
  readonly outcome: Outcome;
  /** The figure as numbers. */
  readonly measured?: Spread;
  /** The README quotes the row under this name. */
  readonly quote?: string;
}

export interface BenchResult {
  readonly name: string;
  readonly rows: readonly BenchRow[];
}

/** Settings of a run that parts may use. */
export interface BenchOptions {
  /** Pending deliveries of the backlog that is drained. */
  readonly backlog: number;
}

export type Target = { readonly atLeast: number } | { readonly atMost: number };

export interface RowOptions {
  readonly what: string;
  readonly measured: Spread;
  /** After each number. `x`: a ratio. */
  readonly unit?: 'x' | '%' | 'ms' | 'µs' | 'KB' | 'MB' | '/ s';
  /** @default no target */
  readonly target?: Target;
  /** The absolute values behind the ratio: `4 012 / s, bare 8 020 / s`. */
  readonly seen?: string;
  /** The README quotes the row under this name. */
  readonly quote?: string;
}

/** The row of a measured figure. Its median decides whether the target is met. */
export function rowOf({ what, measured, unit = 'x', target, seen, quote }: RowOptions): BenchRow {
  const { median, min, max } = measured;
  const range = min === max ? [] : [`${numberText(min)} to ${numberText(max)}`];
  const notes = [...range, ...(seen === undefined ? [] : [seen])];
  return {
    what,
    value: `${withUnit(numberText(median), unit)}${notes.length === 0 ? '' : ` (${notes.join('; ')})`}`,
    target: targetText(target, unit),
    outcome: target === undefined ? 'none' : outcomeOf(isWithin(median, target)),
    measured,
    ...(quote === undefined ? {} : { quote }),
  };
}

/** The row of a figure that cannot be measured here. */
export function skippedRow(what: string, why: string, target?: Target): BenchRow {
  return { what, value: `skipped: ${why}`, target: targetText(target, 'x'), outcome: 'skipped' };
}

export function outcomeOf(isMet: boolean): Outcome {
  return isMet ? 'met' : 'missed';
}

function isWithin(value: number, target: Target): boolean {
  return 'atLeast' in target ? value >= target.atLeast : value <= target.atMost;
}

function targetText(target: Target | undefined, unit: string): string {
  if (target === undefined) return '-';
  return 'atLeast' in target
    ? `>= ${withUnit(String(target.atLeast), unit)}`
    : `<= ${withUnit(String(target.atMost), unit)}`;
}

function withUnit(number: string, unit: string): string {
  return unit === 'x' ? `${number}x` : `${number} ${unit}`;
}

/** `0.050`, `0.47`, `3.1`, `52.4`, `12 400`. */
export function numberText(value: number): string {
  const size = Math.abs(value);
  if (size >= 100) return wholeText(value);
  return value.toFixed(size >= 3 ? 1 : size >= 0.1 || size === 0 ? 2 : 3);
}

/** `12 400` */
export function wholeText(value: number): string {
  return Math.round(value).toLocaleString('en-US').replaceAll(',', ' ');
}

const metWords: Readonly<Record<Outcome, string>> = {
  met: 'yes',
  missed: 'no',
  skipped: 'skipped',
  none: '-',
};

/** The rows as a Markdown table. */
export function tableOf(rows: readonly BenchRow[]): string {
  return markdownTable(
    ['figure', 'measured', 'target', 'met'],
    rows.map(({ what, value, target, outcome }) => [what, value, target, metWords[outcome]]),
  );
}

/** Columns are padded, so that the text of the table can be read too. */
export function markdownTable(head: readonly string[], body: readonly (readonly string[])[]): string {
  const widths = head.map((name, column) =>
    Math.max(name.length, ...body.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, column) => (row[column] ?? '').padEnd(width)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [line(head), rule, ...body.map(line)].join('\n');
}

/** Prints the rows as a Markdown table. */
export function printRows(rows: readonly BenchRow[]): void {
  console.log(tableOf(rows));
}
