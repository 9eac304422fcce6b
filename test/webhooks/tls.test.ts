// TLS: which receivers are trusted, and what happens to deliveries to others.

import { createServer, type Server } from 'node:https';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { makeCertificate } from '../receiver/certificate.ts';
import {
  startTlsTorture,
  type TlsBehaviour,
  type TlsTorture,
  tlsBehaviours,
} from '../receiver/tls-torture.ts';
import { startWebhooks, toolStart } from './start-webhooks.ts';

let torture: TlsTorture;
beforeAll(async () => {
  torture = await startTlsTorture();
});
afterAll(() => torture.close());

async function serve(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `https://127.0.0.1:${address.port}/`;
}

const expected: Readonly<Record<TlsBehaviour, readonly string[]>> = {
  ok: ['success'],
  'self-signed': ['certificate_invalid'],
  'wrong-name': ['certificate_invalid'],
  expired: ['certificate_invalid'],
  'not-yet-valid': ['certificate_invalid'],
  'unknown-authority': ['certificate_invalid'],
  // TLS 1.3 tells a client that it lacks a certificate only after its handshake.
  'client-certificate': ['tls_failed', 'connection_closed'],
  'tls-1.0': ['tls_failed'],
  drip: ['timeout'],
  'reset-after': ['connection_closed'],
  silent: ['timeout'],
  reset: ['connection_closed'],
  close: ['connection_closed'],
  garbage: ['tls_failed'],
  http: ['tls_failed'],
  ssh: ['tls_failed'],
};

it.each(Object.keys(tlsBehaviours) as TlsBehaviour[])(
  'a receiver with the behaviour %s, its authority given as ca',
  async (behaviour) => {
    const before = torture.requests(behaviour);
    const { webhooks } = startWebhooks({ ca: torture.ca });
    const timeout = expected[behaviour].includes('timeout') ? 1000 : 60_000;
    await webhooks.register({ url: torture.url(behaviour), timeout, retryDelay: 60_000 });
    const { deliveries } = await webhooks.emit('tool.start', toolStart());
    const read = async () => (await webhooks.getHistory()).find(({ id }) => id === deliveries[0]);
    await expect.poll(async () => (await read())?.attemptLog.length).toBe(1);
    const delivery = await read();
    expect(expected[behaviour], JSON.stringify(delivery?.attemptLog)).toContain(
      delivery?.attemptLog[0]?.outcome,
    );
    // The receiver may repair its TLS, so the delivery does not end.
    expect(delivery?.status).toBe(behaviour === 'ok' ? 'success' : 'pending');
    // In TLS 1.3 a request may travel with the last message of the handshake, before the reset.
    if (behaviour !== 'reset-after')
      expect(torture.requests(behaviour) - before).toBe(behaviour === 'ok' ? 1 : 0);
  },
);

it('a valid certificate is refused without its authority', async () => {
  const before = torture.requests('ok');
  const { webhooks } = startWebhooks();
  await webhooks.register({ url: torture.url('ok'), retryDelay: 60_000 });
  await webhooks.emit('tool.start', toolStart());
  await expect
    .poll(async () => (await webhooks.getHistory())[0]?.attemptLog[0]?.outcome)
    .toBe('certificate_invalid');
  expect(torture.requests('ok')).toBe(before);
});

it('a repaired certificate is accepted at the next attempt', async () => {
  const ca = await makeCertificate({ names: ['Our authority'], isCa: true });
  const wrong = await makeCertificate({ names: ['elsewhere.example'], issuer: ca });
  const right = await makeCertificate({ names: ['127.0.0.1'], issuer: ca });
  const server = createServer({ cert: wrong.cert, key: wrong.key }, (request, response) => {
    request.resume().on('end', () => response.end());
  });
  const url = await serve(server);
  const { webhooks } = startWebhooks({ ca: ca.cert });
  await webhooks.register({ url, retryDelay: 300 });
  const { deliveries } = await webhooks.emit('tool.start', toolStart());
  await expect.poll(async () => (await webhooks.getHistory())[0]?.attemptLog.length).toBe(1);
  server.setSecureContext({ cert: right.cert, key: right.key });
  const [delivery] = await webhooks.settled(deliveries);
  expect(delivery?.attemptLog.map(({ outcome }) => outcome)).toEqual(['certificate_invalid', 'success']);
});

it('a chain error without a code in Node counts as an invalid certificate', async () => {
  const ca = await makeCertificate({ names: ['Our authority'], isCa: true });
  const leaf = await makeCertificate({ names: ['leaf.example'], issuer: ca });
  const below = await makeCertificate({ names: ['127.0.0.1'], issuer: leaf });
  const url = await serve(createServer({ cert: below.cert + leaf.cert, key: below.key }));
  const { webhooks } = startWebhooks({ ca: ca.cert });
  await webhooks.register({ url, retryDelay: 60_000 });
  await webhooks.emit('tool.start', toolStart());
  await expect
    .poll(async () => (await webhooks.getHistory())[0]?.attemptLog[0]?.outcome)
    .toBe('certificate_invalid');
});
