// The offline agent's answer while it grows. It is capped, since a short prompt can ask for more text than the server
// should hold.

import { cutHead } from '../../base/text.ts';

/** UTF-16 units of one answer. */
export const maxAnswerLength = 1_048_576;
/** Up to this many unknown lines are quoted; the rest are counted. */
const maxQuotedLines = 20;

export interface Answer {
  readonly text: string;
  /** Adds the result of a command, after an empty line. */
  add(result: string): void;
  /** Adds the help text, once. */
  addHelp(help: string): void;
  addUnknown(line: string): void;
  /** Adds a note on what was left out. */
  end(help: string): void;
}

export function createAnswer(say: (text: string) => void): Answer {
  let text = '';
  let unknown = 0;
  let hasHelp = false;
  let leftOut = 0;

  function append(piece: string): void {
    const separated = text === '' ? piece : `\n\n${piece}`;
    text += separated;
    say(separated);
  }

  function add(result: string): void {
    const room = maxAnswerLength - text.length;
    if (leftOut > 0 || room <= 0) leftOut++;
    else if (result.length <= room) append(result);
    else {
      append(`${result.slice(0, room)}\n[… ${result.length - room} more characters left out …]`);
    }
  }

  return {
    get text() {
      return text;
    },
    add,
    addHelp(help) {
      if (!hasHelp) add(help);
      hasHelp = true;
    },
    addUnknown(line) {
      unknown++;
      if (unknown <= maxQuotedLines) add(`I did not understand ${JSON.stringify(cutHead(line, 200))}.`);
    },
    end(help) {
      if (leftOut > 0) {
        append(
          `[… The answer has reached its limit of ${maxAnswerLength} characters. ${leftOut} more results are left out; the session's messages have them. …]`,
        );
      }
      const more = unknown - maxQuotedLines;
      if (more > 0) append(`… and ${more} more ${more === 1 ? 'line' : 'lines'} that I did not understand.`);
      if (unknown > 0 && !hasHelp) append(help);
    },
  };
}
