// Makes a server log events at a steady rate: each direct call of a tool logs two.

import { Agent, request } from 'node:http';
import type { Served } from './server-process.ts';

export interface EventLoad {
  stop(): Promise<void>;
}

const everyMs = 10;
const eventsPerCall = 2;

export function sendEvents({ port, apiKey }: Served, perSecond: number): EventLoad {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const startedAt = performance.now();
  let sent = 0;
  let open = 0;
  const call = (): void => {
    open++;
    const sending = request(
      {
        agent,
        host: '127.0.0.1',
        port,
        method: 'POST',
        path: '/api/tools/list_directory',
        headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      },
      (response) => response.resume().on('close', () => open--),
    );
    sending.on('error', () => open--);
    sending.end('{}');
  };
  const timer = setInterval(() => {
    const due = ((performance.now() - startedAt) / 1000) * (perSecond / eventsPerCall);
    while (sent < due) {
      sent++;
      call();
    }
  }, everyMs);
  return {
    async stop() {
      clearInterval(timer);
      while (open > 0) await new Promise((resolve) => setTimeout(resolve, everyMs));
      agent.destroy();
    },
  };
}
