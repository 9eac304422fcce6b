// A model server in its own process that speaks OpenAI's chat completions and streams its clock: each delta is the time
// at which it was sent, in µs of the monotonic clock, which all processes of a machine share.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const gapMs = 5;

export interface ClockModel {
  /** With `/v1`. */
  readonly baseURL: string;
  stop(): Promise<void>;
}

/** µs. */
export function clockNow(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

export async function startClockModel(): Promise<ClockModel> {
  const child = fork(fileURLToPath(import.meta.url), ['serve'], { execArgv: [] });
  const [port] = (await once(child, 'message')) as [number];
  return {
    baseURL: `http://127.0.0.1:${port}/v1`,
    async stop() {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    },
  };
}

function serve(): void {
  const server = createServer(async (request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const chunk = (delta: object, finish: string | null): string =>
      `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'clock', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
    // Ends when the client's round is over.
    while (!response.destroyed) {
      response.write(chunk({ role: 'assistant', content: `t${clockNow()}.` }, null));
      await wait(gapMs);
    }
  });
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    if (address !== null && typeof address === 'object') process.send?.(address.port);
  });
  process.once('disconnect', () => process.exit(0));
}

if (
  process.argv[2] === 'serve' &&
  process.send !== undefined &&
  process.argv[1] === fileURLToPath(import.meta.url)
)
  serve();
