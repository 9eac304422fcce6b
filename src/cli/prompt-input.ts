// The text of a prompt: the words of the command line, and what comes from standard input beside them.

import { fstatSync } from 'node:fs';
import { complain } from './output.ts';
import { UsageError } from './usage-error.ts';

/** A program that starts this one may leave its input open and never write: then the words are all there is. */
const patienceMs = 3000;

/** `-` at the end, or alone, waits for standard input however long it takes. @throws UsageError if there is no text at all */
export async function readPrompt(words: readonly string[], stdin: NodeJS.ReadStream): Promise<string> {
  const asksForInput = words.at(-1) === '-';
  const said = (asksForInput ? words.slice(0, -1) : words).join(' ');
  const input =
    asksForInput || hasInput(stdin) ? await readAll(stdin, { mustWait: asksForInput || isPipe() }) : '';
  const parts = [said, input].filter((part) => part.trim() !== '');
  if (parts.length === 0) throw new UsageError('the prompt is empty');
  return parts.join('\n\n');
}

function hasInput(stdin: NodeJS.ReadStream): boolean {
  if (stdin.isTTY) return false;
  try {
    const stats = fstatSync(0);
    return stats.isFile() || stats.isFIFO() || stats.isSocket();
  } catch {
    // It was closed.
    return false;
  }
}

/** Of a shell: the program before it ends some time, and what it writes until then is wanted. */
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
    if (mustWait) complain('codebuddy: waiting for the end of standard input; </dev/null gives none');
    else {
      complain(`codebuddy: standard input is open but silent; going on without it (- waits for it)`);
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
    // An input that stays open must not keep the program running.
    if ('unref' in stdin) stdin.unref();
  }
  return Buffer.concat(chunks).toString('utf8');
}
