// The lines that were typed in `codebuddy chat`, in the file `chat-history` of the config folder. Several chats may add
// to it at the same time.

import { readFileSync } from 'node:fs';
import { writePrivateFile } from '../base/atomic-file.ts';
import { fileError } from '../base/file-errors.ts';
import { ownFile } from '../base/home-paths.ts';
import { ensureHome } from '../config/home-folder.ts';
import { complain, oneLine } from './output.ts';

export const maxHistoryLines = 1000;

export interface ChatHistory {
  /** The oldest line first. */
  readonly lines: readonly string[];
  /** Keeps a line. Empty lines and a repetition of the last line are not kept. */
  add(line: string): void;
}

export function openChatHistory(home: string): ChatHistory {
  const path = ownFile(home, 'chat-history');
  let lines: readonly string[] = [];
  let isWritable = true;

  function giveUp(error: unknown): void {
    isWritable = false;
    complain(
      oneLine(
        `codebuddy: The history is not kept: ${error instanceof Error ? error.message : String(error)}`,
      ),
    );
  }

  function save(line: string): void {
    try {
      ensureHome(home);
      const all = [...readLines(path), line].slice(-maxHistoryLines);
      writePrivateFile(path, `${all.join('\n')}\n`);
    } catch (error) {
      // The chat continues with the lines of this process.
      giveUp(error);
    }
  }

  try {
    lines = readLines(path);
  } catch (error) {
    // Writing would lose the lines that cannot be read.
    giveUp(error);
  }
  return {
    get lines() {
      return lines;
    },
    add(line) {
      if (line.trim() === '' || line === lines.at(-1)) return;
      lines = [...lines, line].slice(-maxHistoryLines);
      if (isWritable) save(line);
    },
  };
}

function readLines(path: string): readonly string[] {
  try {
    const lines = readFileSync(path, 'utf8')
      .split('\n')
      .slice(-maxHistoryLines - 1);
    // The line editor prints lines as they are, so one that another program wrote must not control the terminal.
    return lines
      .filter((line) => line !== '' && !/\p{Cc}/u.test(line.replaceAll('\t', ' ')))
      .slice(-maxHistoryLines);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw fileError(path, 'cannot be read', error);
  }
}
