// Reads the keys while a run works. Ctrl-C calls the listeners of SIGINT. Text is kept, so that it neither mixes with
// the answer nor answers a question that the user has not seen.

import { StringDecoder } from 'node:string_decoder';

export interface BusyKeys {
  /** Stops reading, so that something else can read the terminal. */
  pause(): void;
  resume(): void;
  /** Stops reading. Returns the text that was typed. */
  end(): string;
}

/** An arrow key, another key that types no character, or Alt with a key. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it begins with Escape.
const escapeSequences = /\x1b(?:\[[0-9;?]*[ -/]*[@-~]|O\P{Cc}|\P{Cc})?/gu;

export function watchKeys(input: NodeJS.ReadStream): BusyKeys {
  const decoder = new StringDecoder('utf8');
  let typed = '';

  function onData(chunk: Buffer): void {
    // A slow program reads several keys at once.
    for (const key of decoder.write(chunk).replace(escapeSequences, '')) {
      // Not a real signal: on Windows, that would end the process.
      if (key === '\u0003') process.emit('SIGINT');
      else if (key === '\b' || key === '\u007f') typed = [...typed].slice(0, -1).join('');
      else if (key === '\r' || key === '\n' || key === '\t') typed += ' ';
      else if (!/\p{Cc}/u.test(key)) typed += key;
    }
  }

  function resume(): void {
    input.setRawMode(true);
    input.on('data', onData);
    input.resume();
  }

  function pause(): void {
    input.off('data', onData);
    input.pause();
    input.setRawMode(false);
  }

  resume();
  return {
    pause,
    resume,
    end() {
      pause();
      return typed.trim();
    },
  };
}
