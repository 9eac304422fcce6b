// Everything that the CLI prints goes through this file. It escapes characters that control or deceive the terminal,
// except for the colours of `paint`. With --json, it prints one JSON document or JSON lines.

import { randomBytes } from 'node:crypto';
import { styleText } from 'node:util';
import { visible, visibleJson, visibleLine } from '../base/visible-text.ts';

type Style = Parameters<typeof styleText>[0];

const useColor = process.stdout.isTTY === true && !process.env.NO_COLOR;
/** Marks the colours of `paint` until the text is written. It is random, so text from elsewhere cannot contain it. */
const mark = `\x1b${randomBytes(8).toString('hex')}`;
const controlSequence = '\x1b[';

/** Colours text if standard output is a terminal. */
export function paint(style: Style, text: string): string {
  return useColor
    ? styleText(style, text, { validateStream: false }).replaceAll(controlSequence, mark)
    : text;
}

/** Escapes the line breaks in a value, too. */
export function oneLine(text: string): string {
  return visibleLine(text);
}

/** Escapes text for a terminal, and keeps the colours of `paint`. */
function shown(text: string): string {
  return text.split(mark).map(visible).join(controlSequence);
}

export function print(text: string): void {
  process.stdout.write(shown(text.endsWith('\n') ? text : `${text}\n`));
}

export interface Pieces {
  write(piece: string): void;
  /** Prints what was held back. */
  end(): void;
}

/** Prints text that arrives in pieces. */
export function printPieces(
  to: NodeJS.WritableStream = process.stdout,
  look: (text: string) => string = (text) => text,
): Pieces {
  let held = '';
  const put = (text: string): void => {
    if (text !== '') to.write(shown(look(text)));
  };
  return {
    write(piece) {
      const text = held + piece;
      // The meaning of these characters depends on the next one.
      held = /[\r\u{D800}-\u{DBFF}]$/u.exec(text)?.[0] ?? '';
      put(text.slice(0, text.length - held.length));
    },
    end() {
      put(held);
      held = '';
    },
  };
}

let jsonWanted = false;
let printed: 'nothing' | 'document' | 'lines' = 'nothing';

/** Called if --json was given. */
export function wantJson(): void {
  jsonWanted = true;
}

export function isJsonWanted(): boolean {
  return jsonWanted;
}

/** The kind of JSON printed so far. More may follow after lines, but not after a document. */
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

/** Prints a table with columns as wide as their longest cell. */
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

/** `1 event`, `2 events`. */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** Prints to standard error. */
export function complain(line: string): void {
  process.stderr.write(`${shown(line)}\n`);
}

/** Asks on the terminal. Returns undefined if it is closed (Ctrl-D). */
export async function ask(
  question: string,
  { input, signal }: { readonly input: NodeJS.ReadableStream; readonly signal: AbortSignal },
): Promise<string | undefined> {
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input, output: process.stderr });
  // readline intercepts Ctrl-C; pass it on, so that it means the same as elsewhere.
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  const closed = new Promise<undefined>((resolve) => terminal.once('close', () => resolve(undefined)));
  try {
    return await Promise.race([terminal.question(shown(question), { signal }), closed]);
  } finally {
    terminal.close();
  }
}
