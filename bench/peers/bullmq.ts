// BullMQ on its own Redis, which is started from PATH with its default settings: without an append-only file, so that a
// power failure may lose acknowledged jobs, unlike with the others.
//
//   node bench/peers/bullmq.ts         both variants

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { onDisk } from '../disk-folder.ts';
import { freePort } from '../server-process.ts';
import { measureBullMq, nameOf } from './bullmq-recipe.ts';
import { answerIfOwnProcess, inOwnProcess } from './own-process.ts';
import type { PeerOptions, PeerResult } from './peer.ts';
import { printBoth } from './print-both.ts';

const startMs = 10_000;

export async function run(options: PeerOptions): Promise<PeerResult> {
  const name = nameOf('Redis', options);
  if (spawnSync('redis-server', ['--version']).error !== undefined)
    return { name, skipped: 'redis-server is not installed' };
  return inOwnProcess(import.meta.url, name, options);
}

function measureHere(options: PeerOptions): Promise<PeerResult> {
  return onDisk(async (folder) => {
    const port = await freePort();
    const redis = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder], {
      stdio: 'ignore',
    });
    const ended = once(redis, 'exit');
    try {
      await accepts(port, redis);
      return await measureBullMq('Redis', options, { host: '127.0.0.1', port });
    } finally {
      redis.kill();
      await ended;
    }
  });
}

/** Resolves when the server listens. @throws Error if it ends first, or after 10 s */
async function accepts(port: number, redis: ChildProcess): Promise<void> {
  const deadline = performance.now() + startMs;
  while (performance.now() < deadline && redis.exitCode === null) {
    const socket = connect(port, '127.0.0.1');
    const isUp = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (isUp) return;
    await wait(20);
  }
  throw new Error(`redis-server did not start: ${redis.exitCode ?? 'nothing listens after 10 s'}`);
}

answerIfOwnProcess(import.meta.url, measureHere);
if (import.meta.main && process.argv[2] !== 'peer') await printBoth(run);
