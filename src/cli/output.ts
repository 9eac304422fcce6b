// How the CLI speaks: colours only on a terminal, nothing from a server that could drive the terminal, one JSON document or JSON lines
// with --json.

import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

const useColor = process.stdout.isTTY === true && !process.env.NO_COLOR;

/** Colours text where a person sees it. */
export function paint(style: Style, text: string): string {
  return useColor ? styleText(style, text, { validateStream: false }) : text;
}

/** Text from a server, safe for a terminal: control characters but tab and line break are shown, not obeyed. */
export function safe(text: string, stream: { readonly isTTY?: boolean } = process.stdout): string {
  if (stream.isTTY !== true) return text;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach the terminal.
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, (char) =>
    char === '\r' ? '' : `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

export function print(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}

export function printJsonLine(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Columns of plain text, as wide as they need to be. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const clean = rows.map((row) => row.map((cell) => safe(cell).replace(/\s+/g, ' ')));
  const widths = head.map((title, column) =>
    Math.max(title.length, ...clean.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (column === cells.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ');
  print(paint('dim', line(head)));
  for (const row of clean) print(line(row));
}

/** To standard error, as it is: parts that come from a server go through `safe` first. */
export function complain(line: string): void {
  process.stderr.write(`${line}\n`);
}
