// The user's terminal, if there is one.

import { openSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import type { Decision } from '../contract/permission.ts';
import { ask } from './output.ts';

/** Returns undefined if there is no terminal. If standard input is a pipe, the terminal can still be read directly. */
export function findTerminal(): NodeJS.ReadStream | undefined {
  if (process.stderr.isTTY !== true) return undefined;
  if (process.stdin.isTTY) return process.stdin;
  try {
    return new ReadStream(openSync(process.platform === 'win32' ? 'CONIN$' : '/dev/tty', 'r'));
  } catch {
    // CI, or a detached process.
    return undefined;
  }
}

const answers: Readonly<Record<string, Decision>> = {
  y: 'allow',
  yes: 'allow',
  a: 'allow_always',
  always: 'allow_always',
  n: 'deny',
  no: 'deny',
  '': 'deny',
};

/** Repeats the question until the answer is valid. Ctrl-D denies. */
export async function askForDecision(
  question: string,
  input: NodeJS.ReadStream,
  signal: AbortSignal,
): Promise<Decision> {
  let text = `${question}\n  Allow? [y]es, [a]lways in this session, [N]o: `;
  for (;;) {
    const said = await ask(text, { input, signal });
    const word = (said ?? '').trim().toLowerCase();
    const decision = Object.hasOwn(answers, word) ? answers[word] : undefined;
    if (decision !== undefined) return decision;
    text = `  ${JSON.stringify(word)} is not a valid answer. Allow? y (yes), a (always) or n (no): `;
  }
}
