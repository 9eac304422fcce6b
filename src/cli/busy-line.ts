// One line on the terminal that says what a command is doing, and for how long, once that takes longer than a second.
// Anything else that is printed replaces it. Without a terminal, with --json and in CI, there is no such line.

import { visibleLine } from '../base/visible-text.ts';

export interface BusyLine {
  /** Changes the text. Does nothing after the end. */
  say(text: string): void;
  end(): void;
}

const quietMs = 1000;
const everyMs = 1000;
const eraseLine = '\r\x1b[K';

export const noBusyLine: BusyLine = { say: () => undefined, end: () => undefined };

let isOff = false;
let current: { readonly line: BusyLine; isShown: boolean; timer: NodeJS.Timeout } | undefined;

/** Called if the output is for programs. */
export function turnOffBusyLine(): void {
  isOff = true;
}

/** Begins a line in place of the last one. `text`: `Copying the messages`. */
export function startBusyLine(text: string): BusyLine {
  endBusyLine();
  const { stderr, env } = process;
  if (isOff || stderr.isTTY !== true || env.CI) return noBusyLine;
  const startedAt = performance.now();
  let said = text;
  const line: BusyLine = {
    say(next) {
      if (next === said) return;
      said = next;
      if (current?.line === line && current.isShown) show();
    },
    end() {
      if (current?.line === line) endBusyLine();
    },
  };
  const show = (): void => {
    if (current?.line !== line) return;
    const seconds = Math.floor((performance.now() - startedAt) / 1000);
    // A line that wraps could not be erased.
    const room = (stderr.columns ?? 80) - 1;
    stderr.write(`${eraseLine}${`${visibleLine(said)}… ${seconds} s`.slice(0, room)}`);
    current.isShown = true;
    current.timer = setTimeout(show, everyMs).unref();
  };
  current = { line, isShown: false, timer: setTimeout(show, quietMs).unref() };
  return line;
}

/** Ends the line, if there is one. Call it before anything is printed. */
export function endBusyLine(): void {
  if (current === undefined) return;
  clearTimeout(current.timer);
  if (current.isShown) process.stderr.write(eraseLine);
  current = undefined;
}

/** Shows the line while `work` runs. */
export async function whileBusy<T>(text: string, work: (line: BusyLine) => Promise<T>): Promise<T> {
  const line = startBusyLine(text);
  try {
    return await work(line);
  } finally {
    line.end();
  }
}
