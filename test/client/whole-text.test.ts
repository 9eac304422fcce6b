// Deltas add up to the text of their message, wherever the connection breaks.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StreamEvent } from '../../src/client/index.ts';
import { WholeText } from '../../src/client/whole-text.ts';

const delta = (text: string): StreamEvent => ({
  type: 'message.delta',
  timestamp: '',
  data: { text },
});
const message = (text: string): StreamEvent => ({
  type: 'message.assistant',
  timestamp: '',
  data: { messageId: 'msg_1', text, model: 'm' },
});

test('deltas are complete for any messages, and any deltas that are lost in a break', () => {
  const pieces = fc.array(fc.record({ text: fc.string({ maxLength: 5 }), isLost: fc.boolean() }));
  fc.assert(
    fc.property(fc.array(pieces), (messages) => {
      const whole = new WholeText();
      const seen: StreamEvent[] = [];
      let wasLost = false;
      for (const one of messages) {
        for (const { text, isLost } of one) {
          if (isLost && !wasLost) whole.break();
          if (!isLost) seen.push(...whole.complete(delta(text)));
          wasLost = isLost;
        }
        seen.push(...whole.complete(message(one.map(({ text }) => text).join(''))));
      }
      let text = '';
      for (const event of seen) {
        if (event.type === 'message.delta') text += event.data.text;
        if (event.type !== 'message.assistant') continue;
        expect(text).toBe(event.data.text);
        text = '';
      }
    }),
  );
});

test('nothing is added without a break', () => {
  const whole = new WholeText();
  // A message that was not streamed.
  expect(whole.complete(message('all'))).toEqual([message('all')]);
  expect(whole.complete(delta('a'))).toEqual([delta('a')]);
});
