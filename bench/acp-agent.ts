// An ACP agent in its own process, with the agent side of the SDK. A prompt is the number of updates that it sends, one
// every 2 ms. Each has the time of the machine's monotonic clock at which it was sent, in ms.

import { Readable, Writable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { agent, methods, ndJsonStream } from '@agentclientprotocol/sdk';
import { monotonicMs } from './monotonic-clock.ts';

let count = 0;
agent({ name: 'bench' })
  .onRequest(methods.agent.initialize, () => ({ protocolVersion: 1, agentCapabilities: {} }))
  .onRequest(methods.agent.session.new, () => ({ sessionId: `s${++count}` }))
  .onRequest(methods.agent.session.prompt, async ({ params: { sessionId, prompt }, client }) => {
    const [first] = prompt;
    const updates = first?.type === 'text' ? Number(first.text) : 0;
    for (let sent = 0; sent < updates; sent++) {
      if (sent > 0) await wait(2);
      const content = { type: 'text' as const, text: `${monotonicMs()} ` };
      await client.notify(methods.client.session.update, {
        sessionId,
        update: { sessionUpdate: 'agent_message_chunk', content },
      });
    }
    return { stopReason: 'end_turn' };
  })
  .connect(
    ndJsonStream(
      Writable.toWeb(process.stdout) as WritableStream<Uint8Array>,
      Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>,
    ),
  );
