// The way to a receiver: several addresses, slow ones, mapped ones, client certificates, and receivers that speak HTTP/2 alone.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttp2Server, createSecureServer } from 'node:http2';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openTcp } from '../../src/webhooks/open-tcp.ts';
import { makeCertificate } from '../receiver/certificate.ts';
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
  await expect
    .poll(async () => (await webhooks.getHistory())[0]?.attemptLog.length, { timeout: 20_000 })
    .toBeGreaterThan(0);
  return (await webhooks.getHistory())[0]?.attemptLog[0];
}

describe('an address', () => {
  it('that is slow is not given up for one that is closed', async () => {
    const child: ChildProcess = fork(fileURLToPath(new URL('./full-backlog.ts', import.meta.url)));
    onTestFinished(() => void child.kill('SIGKILL'));
    const [{ port }] = (await once(child, 'message')) as [{ port: number }];
    // More than its queue holds: the kernel drops what comes next, until the process takes them.
    const waiting: Socket[] = [];
    for (let i = 0; i < 4; i++) waiting.push(connect(port, '127.0.0.1').on('error', () => undefined));
    onTestFinished(() => {
      for (const socket of waiting) socket.destroy();
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const opening = openTcp({
      // The second one refuses.
      addresses: ['127.0.0.1', '127.0.0.2'],
      port,
      timeoutMs: 30_000,
      signal: new AbortController().signal,
      attemptDelayMs: 50,
    });
    setTimeout(() => child.kill('SIGCONT'), 600);
    const socket = await opening;
    expect(socket.remoteAddress).toBe('127.0.0.1');
    socket.destroy();
  }, 40_000);

  it('that is silent does not keep the next one from being tried', async () => {
    const receiver = await startReceiver();
    const home = temporaryHome();
    // No route, refused, then right.
    const hosts = join(home, 'hosts');
    writeFileSync(hosts, '224.0.0.1 many.test\n127.0.0.9 many.test\n127.0.0.1 many.test\n');
    const { webhooks } = startWebhooks({ home, hostsFile: hosts, allowedTargets: ['224.0.0.1'] });
    await webhooks.register({ url: `http://many.test:${receiver.port}/` });
    expect(await firstAttempt(webhooks)).toMatchObject({ outcome: 'success' });
  });

  it.each(['[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[0:0:0:0:0:ffff:127.0.0.1]'])(
    'written as %s is the IPv4 address in it',
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
  it('may take longer than 5 s if the webhook has a longer time-out', async () => {
    const https = createHttpsServer(serverCertificate, (request, response) => {
      request.resume().on('end', () => response.end());
    });
    const slow = createServer({ pauseOnConnect: true }, (socket) => {
      setTimeout(() => https.emit('connection', socket), 5600);
    });
    const port = await portOf(slow);
    const { webhooks } = startWebhooks({ ca: authority.cert });
    await webhooks.register({ url: `https://127.0.0.1:${port}/`, timeout: 60_000 });
    expect(await firstAttempt(webhooks)).toMatchObject({ outcome: 'success' });
  }, 40_000);

  /** A receiver that asks for a certificate of `clients`; gives the subjects that came. */
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

  it('shows the client certificate of its webhook, and of no other to the same receiver', async () => {
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

  it('takes files that were renewed, and waits without an attempt while they are gone', async () => {
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
  }, 20_000);

  it('refuses files that cannot be used, and names them', async () => {
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
  it.each(['https', 'http'])('over %s, is told so in words', async (scheme) => {
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
