// Reads the text of a PDF, on a thread of its own: a hostile file must not stop the server or use up its memory. The
// library is loaded there, only when a PDF comes.

import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { CodeBuddyError } from '../../base/errors.ts';
import { isBlank, sendable } from '../../base/text.ts';

const timeoutMs = 30_000;
const memoryMb = 512;

/** Plain JavaScript: in the bundle, a file beside this one would not exist. */
const program = `
const { parentPort, workerData } = require('node:worker_threads');
require(workerData.library).extractText(workerData.data, { mergePages: false }).then(
  ({ text }) => parentPort.postMessage({ pages: text }),
  (error) => parentPort.postMessage({ error: error instanceof Error ? error.message : String(error) }),
);`;

let last: Promise<unknown> = Promise.resolve();

/** One at a time: each may take up its memory. @throws CodeBuddyError `file_unreadable` */
export function readPdf(data: Uint8Array): Promise<string> {
  const read = (): Promise<string> => readOne(data);
  const mine = last.then(read, read);
  last = mine.catch(() => undefined);
  return mine;
}

async function readOne(data: Uint8Array): Promise<string> {
  const library = createRequire(import.meta.url).resolve('unpdf');
  const worker = new Worker(program, {
    eval: true,
    name: 'codebuddy pdf',
    execArgv: [],
    env: {},
    // The library warns about odd files there.
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: memoryMb },
    workerData: { library, data: Uint8Array.from(data) },
  });
  let timer: NodeJS.Timeout | undefined;
  try {
    const answer = await new Promise<unknown>((resolve, reject) => {
      worker.once('message', resolve).once('error', reject);
      timer = setTimeout(() => reject(new Error(`it takes longer than ${timeoutMs / 1000} s`)), timeoutMs);
    });
    return textOf(answer);
  } catch (error) {
    if (error instanceof CodeBuddyError) throw error;
    throw unreadable(error instanceof Error ? error.message : String(error), error);
  } finally {
    clearTimeout(timer);
    void worker.terminate();
  }
}

function textOf(answer: unknown): string {
  const { pages, error } = answer as { readonly pages?: readonly string[]; readonly error?: string };
  if (pages === undefined) throw unreadable(error ?? 'it has no pages');
  const text = pages
    .map((page, index) => `--- page ${index + 1} of ${pages.length} ---\n${page.trim()}`)
    .join('\n\n');
  if (pages.every(isBlank)) throw unreadable('it has no text; pages that are pictures can be sent as images');
  return sendable(text);
}

function unreadable(why: string, cause?: unknown): CodeBuddyError {
  return new CodeBuddyError('file_unreadable', `The PDF cannot be read as text: ${sendable(why)}.`, {
    cause,
  });
}
