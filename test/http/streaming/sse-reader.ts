// A reader of server-sent events over its own socket. It checks the framing of every byte, can pause reading, and can
// disconnect.

import { request as httpRequest, type IncomingMessage } from 'node:http';
import { onTestFinished } from 'vitest';
import { WAIT_LIMIT_MS } from '../../wait-for.ts';
import { apiKey } from '../start-server-with-store.ts';

export interface Message {
  readonly id: string | undefined;
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests read data of any shape.
  readonly data: any;
}

export interface SseReader {
  readonly response: IncomingMessage;
  /** Everything so far. */
  readonly messages: readonly Message[];
  readonly comments: readonly string[];
  /** True once the server has ended the stream; `complete` is true if it ended cleanly. */
  readonly ended: boolean;
  /** The first `count` messages; rejects if they do not arrive. */
  take(count: number): Promise<readonly Message[]>;
  takeComments(count: number): Promise<readonly string[]>;
  end(): Promise<void>;
  pause(): void;
  resume(): void;
  leave(): void;
}

export function openReader(url: string, headers: Record<string, string> = {}): Promise<SseReader> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, {
      agent: false,
      headers: { accept: 'text/event-stream', authorization: `Bearer ${apiKey}`, ...headers },
    });
    onTestFinished(() => {
      request.destroy();
    });
    request.on('error', reject);
    request.on('response', (response) => {
      if (response.headers['content-type'] !== 'text/event-stream') {
        response.setEncoding('utf8');
        let text = '';
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => reject(new Error(`${response.statusCode} ${text}`)));
        return;
      }
      request.removeAllListeners('error').on('error', () => undefined);
      resolve(read(response, () => request.destroy()));
    });
    request.end();
  });
}

function read(response: IncomingMessage, leave: () => void): SseReader {
  const messages: Message[] = [];
  const comments: string[] = [];
  const waiting = new Set<() => void>();
  let rest = '';
  let ended = false;
  const changed = (): void => {
    for (const check of waiting) check();
  };
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    rest += chunk;
    const blocks = rest.split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      if (block.startsWith(': ')) comments.push(block.slice(2));
      else if (!block.startsWith('retry: ')) messages.push(parse(block));
    }
    changed();
  });
  response.on('close', () => {
    ended = true;
    changed();
  });
  response.on('error', () => undefined);

  function when(check: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const finish = (error?: Error): void => {
        clearTimeout(timer);
        waiting.delete(look);
        if (error === undefined) resolve();
        else reject(error);
      };
      const look = (): void => {
        if (check()) finish();
        else if (ended)
          finish(new Error(`The stream ended before ${what}; it had ${messages.length} messages`));
      };
      const timer = setTimeout(
        () => finish(new Error(`No ${what} in ${WAIT_LIMIT_MS} ms, but ${messages.length} messages`)),
        WAIT_LIMIT_MS,
      );
      waiting.add(look);
      look();
    });
  }

  return {
    response,
    messages,
    comments,
    get ended() {
      return ended;
    },
    async take(count) {
      await when(() => messages.length >= count, `${count} messages`);
      return messages.slice(0, count);
    },
    async takeComments(count) {
      await when(() => comments.length >= count, `${count} comments`);
      return comments.slice(0, count);
    },
    end: () => when(() => ended, 'end'),
    pause: () => response.pause(),
    resume: () => {
      response.resume();
    },
    leave,
  };
}

/** Strict: `id`, `event` and one line of `data`, in this order, nothing else. */
function parse(block: string): Message {
  const match = /^(?:id: (\d+)\n)?event: ([a-z._]+)\ndata: (.*)$/.exec(block);
  if (match === null) throw new Error(`Not a well-formed message: ${JSON.stringify(block)}`);
  return { id: match[1], event: match[2] as string, data: JSON.parse(match[3] as string) };
}
