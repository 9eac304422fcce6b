// The receiver of the webhook benchmark. It runs in its own process, so that it takes no time from the sender's thread. It reads each body to
// its end, answers 200 and counts.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

export interface ReceiverProcess {
  readonly url: string;
  /** Requests answered since the start or the last `reset()`. */
  count(): Promise<number>;
  reset(): Promise<void>;
  /** Safe to call twice. */
  stop(): Promise<void>;
}

type Question = 'count' | 'reset';

/** Listens on a free port of 127.0.0.1. The caller stops it; it also ends with the process that started it. */
export async function startReceiverProcess(): Promise<ReceiverProcess> {
  const child = fork(fileURLToPath(import.meta.url), ['serve'], {
    execArgv: [],
    env: { ...process.env, NODE_ENV: 'production' },
  });
  const port = await heard(child);
  // One question at a time, so the next answer belongs to it.
  let last: Promise<unknown> = Promise.resolve();
  const ask = (question: Question): Promise<number> => {
    const answer = last.then(() => {
      const answered = heard(child);
      child.send(question);
      return answered;
    });
    last = answer.catch(() => {});
    return answer;
  };
  return {
    url: `http://127.0.0.1:${port}/hook`,
    count: () => ask('count'),
    reset: async () => {
      await ask('reset');
    },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    },
  };
}

/** Resolves with the next number that it reports; rejects if it ends first. */
function heard(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: unknown): void => {
      child.off('exit', onExit);
      resolve(Number(message));
    };
    const onExit = (code: number | null): void => {
      child.off('message', onMessage);
      reject(new Error(`bench: the receiver ended with ${code}`));
    };
    child.once('message', onMessage);
    child.once('exit', onExit);
  });
}

function serve(): void {
  let count = 0;
  // Keep idle connections open during any pause of a sender: a close that crosses a request would distort the figure.
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    request.resume();
    request.on('end', () => {
      count++;
      response.writeHead(200, { 'content-length': 0 });
      response.end();
    });
  });
  process.on('message', (question: Question) => {
    if (question === 'reset') count = 0;
    process.send?.(count);
  });
  process.on('disconnect', () => process.exit());
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    if (address !== null && typeof address === 'object') process.send?.(address.port);
  });
}

if (process.send !== undefined && process.argv[1] === fileURLToPath(import.meta.url)) serve();
