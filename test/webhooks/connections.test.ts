// Connections to receivers: several addresses, slow and mapped ones, client certificates, and HTTP/2-only receivers.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttp2Server, createSecureServer } from 'node:http2';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { openTcp } from '../../src/webhooks/open-tcp.ts';
import { makeCertificate } from '../receiver/certificate.ts';
import { WAIT_LIMIT_MS, waitFor } from '../wait-for.ts';
import { startReceiver } from './recording-receiver.ts';
import { startWebhooks, temporaryHome, toolStart } from './start-webhooks.ts';

interface Listening {
  listen(port: number, host: string, ready: () => void): unknown;
  address(): ReturnType<Server['address']>;
  close(): unknown;
}

async function portOf(server: Listening): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function firstAttempt(webhooks: ReturnType<typeof startWebhooks>['webhooks']) {
  await webhooks.emit('tool.start', toolStart());
  await expect.poll(async () => (await webhooks.getHistory())[0]?.attemptLog.length).toBeGreaterThan(0);
  return (await webhooks.getHistory())[0]?.attemptLog[0];
}

describe('an address', () => {
  it('that is slow is still used if another one refuses', async () => {
    const child: ChildProcess = fork(fileURLToPath(new URL('./full-backlog.ts', import.meta.url)));
    onTestFinished(() => void child.kill('SIGKILL'));
    const [{ port }] = (await once(child, 'message')) as [{ port: number }];
    // More than its queue holds: the kernel drops further connections until the process accepts these.
    const waiting: Socket[] = [];
    for (let i = 0; i < 4; i++) waiting.push(connect(port, '127.0.0.1').on('error', () => undefined));
    onTestFinished(() => {
      for (const socket of waiting) socket.destroy();
    });
    await waitFor('a full queue', () => waiting.some((socket) => !socket.connecting));
    const opening = openTcp({
      // The second one refuses.
      addresses: ['127.0.0.1', '127.0.0.2'],
      port,
      timeoutMs: WAIT_LIMIT_MS,
      signal: new AbortController().signal,
      attemptDelayMs: 50,
    });
    // A later start of the process is still in time.
    setTimeout(() => child.kill('SIGCONT'), 300);
    const socket = await opening;
    expect(socket.remoteAddress).toBe('127.0.0.1');
    socket.destroy();
  });

  it('without a route does not prevent the next one from being tried', async () => {
    const receiver = await startReceiver();
    const home = temporaryHome();
    // No route, refused, then the receiver.
    const hosts = join(home, 'hosts');
    writeFileSync(hosts, '224.0.0.1 many.test\n127.0.0.9 many.test\n127.0.0.1 many.test\n');
    const { webhooks } = startWebhooks({ home, hostsFile: hosts, allowedTargets: ['224.0.0.1'] });
    await webhooks.register({ url: `http://many.test:${receiver.port}/` });
    expect(await firstAttempt(webhooks)).toMatchObject({ outcome: 'success' });
  });

  it.each(['[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[0:0:0:0:0:ffff:127.0.0.1]'])(
    'written as %s is treated as its IPv4 address',
    async (host) => {
      const receiver = await startReceiver();
      const { webhooks } = startWebhooks();
      await webhooks.register({ url: `http://${host}:${receiver.port}/` });
      expect(await firstAttempt(webhooks)).toMatchObject({ outcome: 'success' });
      await expect(webhooks.register({ url: 'http://[::ffff:10.0.0.1]/' })).rejects.toMatchObject({
        errors: [{ pointer: '/url' }],
      });
    },
  );
});

const authority = await makeCertificate({ names: ['Our authority'], isCa: true });
const serverCertificate = await makeCertificate({ names: ['127.0.0.1'], issuer: authority });

describe('TLS', () => {
  it('may take longer than 5 s if the timeout of the webhook is longer', async () => {
    const https = createHttpsServer(serverCertificate, (request, response) => {
      request.resume().on('end', () => response.end());
    });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    // The time passes between the start of the handshake and its answer.
    const slow = createServer((socket) => {
      socket.once('data', (hello) => {
        vi.advanceTimersByTime(5600);
        socket.pause().unshift(hello);
        https.emit('connection', socket);
      });
    });
    const port = await portOf(slow);
    const { webhooks } = startWebhooks({ ca: authority.cert });
    await webhooks.register({ url: `https://127.0.0.1:${port}/`, timeout: 60_000 });
    expect(await firstAttempt(webhooks)).toMatchObject({ outcome: 'success' });
  });

  /** A receiver that demands a certificate of `clients`. Returns the subjects it saw. */
  async function startMutual(clients: string): Promise<{ url: string; subjects: string[] }> {
    const subjects: string[] = [];
    const server: HttpsServer = createHttpsServer(
      { ...serverCertificate, ca: clients, requestCert: true, rejectUnauthorized: true },
      (request, response) => {
        subjects.push(String((request.socket as TLSSocket).getPeerCertificate().subject.CN));
        request.resume().on('end', () => response.end());
      },
    );
    const url = `https://127.0.0.1:${await portOf(server)}/`;
    onTestFinished(() => server.closeAllConnections());
    return { url, subjects };
  }

  it('uses the client certificate of each webhook, also for the same receiver', async () => {
    const clients = await makeCertificate({ names: ['Clients'], isCa: true });
    const { url, subjects } = await startMutual(clients.cert);
    const { webhooks, home } = startWebhooks();
    const file = (name: string, text: string): string => {
      writeFileSync(join(home, name), text);
      return join(home, name);
    };
    const ca = file('ca.pem', authority.cert);
    for (const name of ['one', 'two']) {
      const { cert, key } = await makeCertificate({ names: [name], issuer: clients });
      const tls = { cert: file(`${name}.pem`, cert), key: file(`${name}.key`, key), ca };
      await webhooks.register({ url, events: ['session.start'], tls });
    }
    const none = await webhooks.register({
      url,
      events: ['session.start'],
      tls: { ca },
      retryDelay: 3_600_000,
    });
    const { deliveries } = await webhooks.emit('session.start', { title: 'x' });
    await webhooks.settled(deliveries.slice(0, 2));
    expect([...subjects].sort()).toEqual(['one', 'two']);
    const read = async () => (await webhooks.getHistory({ webhookId: none }))[0]?.attemptLog[0]?.outcome;
    await expect.poll(read).toMatch(/tls_failed|connection_closed/);
    expect((await webhooks.getAll())[0]?.tls).toMatchObject({ ca });
  });

  it('reads renewed files, and waits without spending attempts while they are missing', async () => {
    const clients = await makeCertificate({ names: ['Clients'], isCa: true });
    const { url, subjects } = await startMutual(clients.cert);
    const { webhooks, home } = startWebhooks();
    const [cert, key, ca] = ['c.pem', 'k.pem', 'ca.pem'].map((name) => join(home, name)) as [
      string,
      string,
      string,
    ];
    const write = async (name: string): Promise<void> => {
      const made = await makeCertificate({ names: [name], issuer: clients });
      writeFileSync(cert, made.cert);
      writeFileSync(key, made.key);
    };
    await write('first');
    writeFileSync(ca, authority.cert);
    const id = await webhooks.register({ url, tls: { cert, key, ca } });
    rmSync(key);
    const { deliveries } = await webhooks.emit('tool.start', toolStart());
    await expect.poll(async () => (await webhooks.get(id))?.state.status).toBe('unreachable');
    expect((await webhooks.get(id))?.state.detail).toContain('tls.key');
    await write('renewed');
    expect((await webhooks.settled(deliveries))[0]).toMatchObject({ status: 'success', attempts: 1 });
    expect(subjects).toEqual(['renewed']);
  });

  it('refuses unusable files and names them', async () => {
    const { webhooks, home } = startWebhooks();
    const { cert, key } = await makeCertificate({ names: ['one'] });
    const other = await makeCertificate({ names: ['other'] });
    const file = (name: string, text: string): string => {
      writeFileSync(join(home, name), text);
      chmodSync(join(home, name), 0o600);
      return join(home, name);
    };
    const right = { cert: file('cert.pem', cert), key: file('key.pem', key) };
    for (const [tls, pointer] of [
      [{ ...right, key: join(home, 'nothing.pem') }, '/tls/key'],
      [{ ...right, cert: file('text.pem', 'not a certificate') }, '/tls/cert'],
      [{ ...right, key: file('other.pem', other.key) }, '/tls/key'],
      [{ cert: right.cert }, '/tls/key'],
      [{ ca: 'relative.pem' }, '/tls/ca'],
      [{ ca: home }, '/tls/ca'],
      [{}, '/tls'],
      ['x', '/tls'],
      [{ ...right, passphrase: 'x' }, '/tls/passphrase'],
    ] as const)
      await expect(
        webhooks.register({ url: 'https://example.org/', tls: tls as { cert: string; key: string } }),
        JSON.stringify(tls),
      ).rejects.toMatchObject({ code: 'validation_failed', errors: [{ pointer }] });
    await expect(webhooks.register({ url: 'http://127.0.0.1:9999/', tls: right })).rejects.toMatchObject({
      errors: [{ pointer: '/tls' }],
    });
    const id = await webhooks.register({ url: 'https://127.0.0.1:9999/', tls: right });
    expect((await webhooks.get(id))?.tls).toEqual(right);
    expect((await webhooks.update(id, { tls: null })).tls).toBeUndefined();
  });
});

describe('a receiver that speaks only HTTP/2', () => {
  it.each(['https', 'http'])('over %s gets a clear outcome', async (scheme) => {
    const server = scheme === 'https' ? createSecureServer(serverCertificate) : createHttp2Server();
    server.on('sessionError', () => undefined);
    const port = await portOf(server);
    const { webhooks } = startWebhooks({ ca: authority.cert });
    await webhooks.register({ url: `${scheme}://127.0.0.1:${port}/`, retryDelay: 3_600_000 });
    const attempt = await firstAttempt(webhooks);
    expect(attempt, JSON.stringify(attempt)).toMatchObject({ outcome: 'http2_only' });
    expect(attempt?.message).toContain('only HTTP/2');
  });
});
