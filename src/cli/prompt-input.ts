// The text of a prompt: the words of the command line, followed by standard input.

import { fstatSync } from 'node:fs';
import { complain } from './output.ts';
import { UsageError } from './usage-error.ts';

/** A parent process may leave standard input open and never write to it. After this time, the words alone are the prompt. */
const patienceMs = 3000;

/** A `-` at the end, or alone, waits for standard input without a time limit. @throws UsageError if the prompt is empty */
export async function readPrompt(words: readonly string[], stdin: NodeJS.ReadStream): Promise<string> {
  const asksForInput = words.at(-1) === '-';
  const said = (asksForInput ? words.slice(0, -1) : words).join(' ');
  const input =
    asksForInput || hasInput(stdin) ? await readAll(stdin, { mustWait: asksForInput || isPipe() }) : '';
  const parts = [said, input].filter((part) => part.trim() !== '');
  if (parts.length === 0) throw new UsageError('The prompt is empty.');
  return parts.join('\n\n');
}

function hasInput(stdin: NodeJS.ReadStream): boolean {
  if (stdin.isTTY) return false;
  try {
    const stats = fstatSync(0);
    return stats.isFile() || stats.isFIFO() || stats.isSocket();
  } catch {
    // Standard input is closed.
    return false;
  }
}

/** A pipe of a shell: the program before it will end, and all its output is wanted. */
function isPipe(): boolean {
  return !fstatSync(0).isSocket();
}

async function readAll(
  stdin: NodeJS.ReadStream,
  { mustWait }: { readonly mustWait: boolean },
): Promise<string> {
  const chunks: Buffer[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => {
    if (chunks.length > 0) return;
    if (mustWait) complain('codebuddy: Waiting for the end of standard input. Use </dev/null for no input.');
    else {
      complain(
        'codebuddy: Standard input is open, but nothing arrives. Continuing without it; use - to wait for it.',
      );
      resolve();
    }
  }, patienceMs);
  stdin.on('data', (chunk: Buffer) => chunks.push(chunk));
  stdin.once('end', resolve);
  stdin.once('error', reject);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    stdin.removeAllListeners('data');
    stdin.pause();
    // An open input must not keep the process alive.
    if ('unref' in stdin) stdin.unref();
  }
  return Buffer.concat(chunks).toString('utf8');
}
