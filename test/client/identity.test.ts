// A client that finds its server by server.json sends no key before the server has proven that it knows the local key:
// the file may be stale, and another program may use the port.

import { createHmac } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { CodeBuddyClient, CodeBuddyConnectionError } from '../../src/client/index.ts';
import { run } from '../cli/run-cli.ts';
import { freePort } from '../free-port.ts';
import { startApp } from '../http/start-app.ts';
import { startServer, testKey } from '../http/start-server.ts';

interface Thief {
  readonly port: number;
  readonly url: string;
  /** Everything that was sent to it. */
  heard(): string;
}

/** Listens on a port and records what it receives. */
async function startThief(answer: (socket: Socket, text: string) => void, port = 0): Promise<Thief> {
  let heard = '';
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1');
      answer(socket, chunk.toString('latin1'));
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port: taken } = server.address() as AddressInfo;
  return { port: taken, url: `http://127.0.0.1:${taken}`, heard: () => heard };
}

function reply(socket: Socket, body: string): void {
  socket.write(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/** A config folder with a server.json that names `url` and a running process. */
function staleHome(url: string, key = 'cbk_the-local-key-0123456789'): string {
  const home = mkdtempSync(join(tmpdir(), 'codebuddy-stale-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  mkdirSync(join(home, 'api'), { recursive: true });
  writeFileSync(join(home, 'api', 'api-key'), `${key}\n`, { mode: 0o600 });
  const startedAt = new Date().toISOString();
  writeFileSync(
    join(home, 'api', 'server.json'),
    JSON.stringify({ url, pid: process.pid, startedAt, version: '0' }),
  );
  return home;
}

const impostors: Readonly<Record<string, (socket: Socket, text: string) => void>> = {
  'a program that answers as the API does': (socket) =>
    reply(socket, JSON.stringify({ status: 'ok', timestamp: new Date().toISOString(), version: '0.1.0' })),
  'one that makes a proof up': (socket) =>
    reply(socket, JSON.stringify({ status: 'ok', proof: createHmac('sha256', 'guess').digest('base64url') })),
  'one that sends the challenge back': (socket, text) =>
    reply(socket, JSON.stringify({ proof: /challenge=([^ &]+)/.exec(text)?.[1] })),
  'one that hangs up': (socket) => socket.destroy(),
  'one that never ends': (socket) => socket.write(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(20_000)}\r\n`),
  'one that speaks another protocol': (socket) => socket.end('SSH-2.0-OpenSSH_9\r\n\r\n'),
  'one that redirects': (socket) =>
    socket.end('HTTP/1.1 307 Moved\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n'),
};

describe('with a stale server.json, the client', () => {
  test.each(Object.entries(impostors))('sends no key to %s', async (_name, answer) => {
    const thief = await startThief(answer);
    const home = staleHome(thief.url);
    const client = new CodeBuddyClient({ home });
    await expect(client.status()).rejects.toThrow(CodeBuddyConnectionError);
    await expect(client.prompt({ prompt: 'my secret prompt' })).rejects.toThrow('server.json');
    client.close();
    expect(thief.heard()).toContain('GET /health?challenge=');
    for (const secret of ['cbk_', 'authorization', 'my secret prompt'])
      expect(thief.heard().toLowerCase()).not.toContain(secret);
  });

  test('sends no key from the environment or a flag either, with any command', async () => {
    const thief = await startThief(impostors['one that makes a proof up'] as (socket: Socket) => void);
    const home = staleHome(thief.url);
    const client = new CodeBuddyClient({ home, apiKey: 'given-by-hand-0123456789' });
    await expect(client.sessions.list()).rejects.toThrow(CodeBuddyConnectionError);
    client.close();
    const env = { CODEBUDDY_API_KEY: 'from-environment-0123456789' };
    const commands = [['status'], ['prompt', 'hello'], ['events', 'tail'], ['webhooks', 'list'], ['doctor']];
    const ended = await Promise.all(commands.map((args) => run(home, args, { env })));
    for (const [index, { code, stderr, stdout }] of ended.entries()) {
      const [command = ''] = commands[index] ?? [];
      expect(code, `${command}: ${stdout}${stderr}`).toBe(command === 'doctor' ? 1 : 3);
      expect(stdout + stderr, command).toContain('no key was sent');
    }
    expect(thief.heard()).not.toMatch(/0123456789|authorization/i);
  });

  test('sends no key to a program that relays the challenge to the real server', async () => {
    const { home, app } = await startApp();
    const real = Number(new URL(app.url).port);
    const relay = await startThief((socket, text) => {
      const onward = connect(real, '127.0.0.1', () => onward.write(text));
      onward.on('data', (chunk) => socket.write(chunk)).on('error', () => undefined);
      socket.on('close', () => onward.destroy());
    });
    const file = join(home, 'api', 'server.json');
    const honest = readFileSync(file, 'utf8');
    writeFileSync(file, honest.replace(app.url, relay.url));
    const client = new CodeBuddyClient({ home });
    await expect(client.status()).rejects.toThrow('no key was sent');
    client.close();
    expect(relay.heard()).not.toMatch(/authorization|cbk_/i);
    writeFileSync(file, honest);
  });

  test('sends no key to a program that repeats an old proof', async () => {
    const { home, app } = await startApp();
    const old = await fetch(`${app.url}/health?challenge=${'a'.repeat(43)}`);
    const body = await old.text();
    const file = join(home, 'api', 'server.json');
    const honest = readFileSync(file, 'utf8');
    const thief = await startThief((socket) => reply(socket, body));
    writeFileSync(file, honest.replace(app.url, thief.url));
    const client = new CodeBuddyClient({ home });
    await expect(client.status()).rejects.toThrow('no key was sent');
    client.close();
    expect(thief.heard()).not.toMatch(/authorization|cbk_/i);
    writeFileSync(file, honest);
  });

  test('sends nothing if there is no local key to prove', async () => {
    const thief = await startThief(impostors['one that makes a proof up'] as (socket: Socket) => void);
    const home = staleHome(thief.url);
    rmSync(join(home, 'api', 'api-key'));
    expect(() => new CodeBuddyClient({ home, apiKey: testKey })).toThrow('api-key is missing');
    expect(thief.heard()).toBe('');
  });
});

describe('a port that changes hands', () => {
  test('while a client is open is verified again on the next connection', async () => {
    const port = await freePort();
    const { app, home, client } = await startApp({ port });
    await client.status();
    const honest = readFileSync(join(home, 'api', 'server.json'), 'utf8');
    await app.stop();
    const thief = await startThief(impostors['one that makes a proof up'] as (socket: Socket) => void, port);
    writeFileSync(join(home, 'api', 'server.json'), honest);
    await expect(client.status()).rejects.toThrow(CodeBuddyConnectionError);
    expect(thief.heard()).not.toMatch(/authorization|cbk_/i);
  });
});

describe('the right server', () => {
  test('is verified on every connection, including streams', async () => {
    const { client } = await startApp();
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.status()));
    expect(answers.every(({ running }) => running)).toBe(true);
    expect((await client.prompt({ prompt: 'help' })).response).toBeTruthy();
    // The typed client's `health` returns the plain answer.
    expect(await client.health()).toMatchObject({ status: 'ok' });
  });

  test('proves its identity as docs/api.md describes', async () => {
    const { app, home } = await startApp();
    const challenge = 'Zm9yIHRoaXMgdGVzdCBhbG9uZQ-_0123456789';
    const answer = await fetch(`${app.url}/health?challenge=${challenge}`);
    const { proof } = (await answer.json()) as { proof: string };
    const { pid, startedAt } = JSON.parse(readFileSync(join(home, 'api', 'server.json'), 'utf8'));
    const key = readFileSync(join(home, 'api', 'api-key'), 'utf8').trim();
    const { port } = new URL(app.url);
    const lines = ['codebuddy-server-1', challenge, '127.0.0.1', port, pid, startedAt];
    expect(proof).toBe(createHmac('sha256', key).update(lines.join('\n')).digest('base64url'));

    for (const bad of ['short', 'with space in it 0123456789', 'x'.repeat(129), '']) {
      const refused = await fetch(`${app.url}/health?challenge=${encodeURIComponent(bad)}`);
      expect(refused.status, bad).toBe(422);
      expect(await refused.json()).toMatchObject({
        code: 'validation_failed',
        errors: [{ in: 'query', pointer: '/challenge' }],
      });
    }
    expect(await (await fetch(`${app.url}/health?other=1`)).json()).not.toHaveProperty('proof');
    expect(await (await fetch(`${app.url}/health`)).json()).not.toHaveProperty('proof');
  });

  test('of a host application that is named with its key needs no proof', async () => {
    const { url } = await startServer();
    const client = new CodeBuddyClient({ url, apiKey: testKey, home: '/nonexistent' });
    expect(await client.status()).toMatchObject({ running: true });
    client.close();
    const health = await fetch(`${url}/health?challenge=${'a'.repeat(43)}`);
    expect(await health.json()).not.toHaveProperty('proof');
  });
});
