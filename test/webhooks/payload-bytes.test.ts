// The bytes of payloads, as they are stored and sent. Receivers sign and compare them, so no release may change them.

import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { startReceiver } from './recording-receiver.ts';
import { startEngineBench } from './start-engine.ts';

const text = 'Grüße \u0085 \u2028 \ud83d "quoted" \\ 😀';
const escaped = 'Grüße \u0085 \u2028 \\ud83d \\"quoted\\" \\\\ 😀';
const link = (id: string) => `{"truncated":true,"href":"/api/events/${id}"}`;

const events = [
  { text, data: () => `{"messageId":"msg_1","text":"${escaped}"}` },
  { text, sessionId: 'ses_ü"', data: () => `{"messageId":"msg_1","text":"${escaped}"}` },
  { text: 'x'.repeat(262_144), data: link },
  { text: 'ä'.repeat(130_000), data: () => `{"messageId":"msg_1","text":"${'ä'.repeat(130_000)}"}` },
  { text: 'ä'.repeat(131_072), sessionId: 'ses_1', data: link },
];

test.each(['a new event', 'a replay'])('%s has the documented bytes, stored and sent', async (way) => {
  const receiver = await startReceiver();
  const { home, log, open } = await startEngineBench();
  const engine = await open();
  const register = () => engine.create({ url: receiver.url, events: ['message.user'] });
  if (way === 'a new event') await register();
  const logged = await log.append(
    events.map(({ text, sessionId }) => ({
      type: 'message.user',
      data: { messageId: 'msg_1', text },
      ...(sessionId === undefined ? {} : { sessionId }),
      runId: 'run_not_in_payloads',
    })),
  );
  if (way === 'a replay') await engine.replay((await register()).webhook.id, { after: 0 });
  const sent = await receiver.received(events.length);

  const database = new DatabaseSync(`${home}/codebuddy.db`, { readOnly: true });
  const stored = database.prepare('SELECT sequence, body FROM payloads').all();
  database.close();
  for (const [index, { sessionId, data }] of events.entries()) {
    const { id, timestamp, sequence } = logged[index] as (typeof logged)[number];
    const session = sessionId === undefined ? '' : `"sessionId":${JSON.stringify(sessionId)},`;
    const expected = `{"id":"${id}","type":"message.user","event":"message.user","timestamp":"${timestamp}",${session}"sequence":${sequence},"data":${data(id)}}`;
    const row = stored.find((one) => one.sequence === sequence);
    const body = sent.find(({ headers }) => headers['webhook-id'] === id)?.body;
    expect(body?.toString()).toBe(expected);
    expect(Buffer.from(row?.body as Uint8Array).toString()).toBe(expected);
  }
  expect(stored).toHaveLength(events.length);
});
