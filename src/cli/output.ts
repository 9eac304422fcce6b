// How the CLI speaks. All it prints goes through this file, which lets no character through that drives or deceives the terminal, except the
// colours of `paint`. One JSON document or JSON lines with --json.

import { randomBytes } from 'node:crypto';
import { styleText } from 'node:util';
import { visible, visibleJson, visibleLine } from '../base/visible-text.ts';

type Style = Parameters<typeof styleText>[0];

const useColor = process.stdout.isTTY === true && !process.env.NO_COLOR;
/** Marks our own colours until the text is written. No text from elsewhere can hold it. */
const mark = `\x1b${randomBytes(8).toString('hex')}`;
const controlSequence = '\x1b[';

/** Colours text where a person sees it. */
export function paint(style: Style, text: string): string {
  return useColor
    ? styleText(style, text, { validateStream: false }).replaceAll(controlSequence, mark)
    : text;
}

/** A value on one line: line breaks in it are shown, not made. */
export function oneLine(text: string): string {
  return visibleLine(text);
}

/** Safe for a terminal, with our colours. */
function shown(text: string): string {
  return text.split(mark).map(visible).join(controlSequence);
}

export function print(text: string): void {
  process.stdout.write(shown(text.endsWith('\n') ? text : `${text}\n`));
}

/** For text that comes in pieces; `end` prints what was held back. */
export function printPieces(): { write(piece: string): void; end(): void } {
  let held = '';
  return {
    write(piece) {
      const text = held + piece;
      // What these mean depends on what follows.
      held = /[\r\u{D800}-\u{DBFF}]$/u.exec(text)?.[0] ?? '';
      process.stdout.write(visible(text.slice(0, text.length - held.length)));
    },
    end() {
      process.stdout.write(visible(held));
      held = '';
    },
  };
}

let jsonWanted = false;
let printed: 'nothing' | 'document' | 'lines' = 'nothing';

/** With --json. */
export function wantJson(): void {
  jsonWanted = true;
}

export function isJsonWanted(): boolean {
  return jsonWanted;
}

/** A document stands alone; after lines, more may come. */
export function jsonPrinted(): 'nothing' | 'document' | 'lines' {
  return printed;
}

export function printJson(value: unknown): void {
  printed = 'document';
  process.stdout.write(`${visibleJson(JSON.stringify(value, undefined, 2))}\n`);
}

export function printJsonLine(value: unknown): void {
  printed = 'lines';
  process.stdout.write(`${visibleJson(JSON.stringify(value))}\n`);
}

/** Columns of plain text, as wide as they need to be. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const clean = rows.map((row) => row.map((cell) => visible(cell).replace(/\s+/g, ' ')));
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

/** To standard error. */
export function complain(line: string): void {
  process.stderr.write(`${shown(line)}\n`);
}

/** Asks on the terminal; undefined if it is closed (Ctrl-D) instead. */
export async function ask(
  question: string,
  { input, signal }: { readonly input: NodeJS.ReadableStream; readonly signal: AbortSignal },
): Promise<string | undefined> {
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input, output: process.stderr });
  // readline takes Ctrl-C for itself; it means the same as everywhere else.
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  const closed = new Promise<undefined>((resolve) => terminal.once('close', () => resolve(undefined)));
  try {
    return await Promise.race([terminal.question(shown(question), { signal }), closed]);
  } finally {
    terminal.close();
  }
}
