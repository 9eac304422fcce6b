// Writes a session with many or long messages directly to the store.

import type { Store, Write } from '../../src/store/store.ts';

export const longSession = 'ses_00000000000000000000000000';

/** `count` messages of `length` characters each, prefixed with their number. */
export async function fillSession(store: Store, count: number, length = 10): Promise<void> {
  const details = JSON.stringify({ model: null, metadata: {} });
  await store.write([
    { kind: 'putSession', session: { id: longSession, title: 'long', createdAt: 1, updatedAt: 1, details } },
  ]);
  for (let at = 0; at < count; at += 500) {
    await store.write(
      Array.from({ length: Math.min(500, count - at) }, (_, i): Write => {
        const number = String(at + i).padStart(6, '0');
        return {
          kind: 'addMessage',
          message: {
            id: `msg_00000000000000000000${number}`,
            sessionId: longSession,
            runId: null,
            role: i % 2 === 0 ? 'user' : 'assistant',
            createdAt: at + i,
            content: JSON.stringify({ content: `${number}${'x'.repeat(length)}` }),
          },
        };
      }),
    );
  }
}
