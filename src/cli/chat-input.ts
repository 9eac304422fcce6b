// Reads what the user types in `codebuddy chat`: one or several lines, with history.

import type { ChatHistory } from './chat-history.ts';
import { maxHistoryLines } from './chat-history.ts';

export type Entry =
  | { readonly kind: 'text'; readonly text: string }
  /** Ctrl-C on a line with text, which is dropped. */
  | { readonly kind: 'cleared' }
  /** Ctrl-C on an empty line. */
  | { readonly kind: 'interrupt' }
  /** Ctrl-D, or the terminal was closed. */
  | { readonly kind: 'end' };

export interface ChatInput {
  read(): Promise<Entry>;
  /** Keeps text that was typed during a run: the next line starts with it. */
  keep(typed: string): void;
}

interface Line {
  readonly text: string;
  readonly isPasted: boolean;
}

// In this mode, the terminal marks the start and the end of a paste, so that its lines are not sent one by one.
const pasteMarksOn = '\x1b[?2004h';
const pasteMarksOff = '\x1b[?2004l';

const firstPrompt = '> ';
const nextPrompt = '… ';

/** Prompts and the line are written to standard error, since standard output has the answers. */
export function createChatInput(history: ChatHistory): ChatInput {
  const { stdin: input, stderr: output } = process;
  // Lines that arrived together with the end of an entry.
  const early: Line[] = [];
  let kept = '';

  async function read(): Promise<Entry> {
    const parts: string[] = [];
    /** Returns the entry if the line completes it. */
    const take = ({ text, isPasted }: Line): Entry | undefined => {
      const continues = isPasted || text.endsWith('\\');
      parts.push(continues && !isPasted ? text.slice(0, -1) : text);
      return continues ? undefined : { kind: 'text', text: parts.join('\n') };
    };
    for (let line = early.shift(); line !== undefined; line = early.shift()) {
      const entry = take(line);
      if (entry !== undefined) return entry;
    }

    const { createInterface } = await import('node:readline/promises');
    const editor = createInterface({
      input,
      output,
      terminal: true,
      history: history.lines.toReversed(),
      historySize: maxHistoryLines,
      prompt: parts.length === 0 ? firstPrompt : nextPrompt,
    });
    let isPasting = false;
    const onKey = (_text: string | undefined, key: { readonly name?: string }): void => {
      if (key.name === 'paste-start') isPasting = true;
      else if (key.name === 'paste-end') isPasting = false;
    };
    input.on('keypress', onKey);
    output.write(pasteMarksOn);
    try {
      return await new Promise<Entry>((resolve) => {
        let isDone = false;
        const finish = (entry: Entry): void => {
          isDone = true;
          resolve(entry);
        };
        editor.on('line', (text) => {
          history.add(text);
          const line = { text, isPasted: isPasting };
          if (isDone) {
            early.push(line);
            return;
          }
          const entry = take(line);
          if (entry !== undefined) return finish(entry);
          editor.setPrompt(nextPrompt);
          editor.prompt();
        });
        editor.on('SIGINT', () => {
          output.write('\n');
          finish({ kind: editor.line === '' && parts.length === 0 ? 'interrupt' : 'cleared' });
        });
        editor.once('close', () => {
          if (!isDone) output.write('\n');
          resolve({ kind: 'end' });
        });
        editor.prompt();
        if (kept !== '') editor.write(kept);
        kept = '';
      });
    } finally {
      input.off('keypress', onKey);
      output.write(pasteMarksOff);
      editor.close();
    }
  }

  return {
    read,
    keep(typed) {
      kept = typed;
    },
  };
}
