// The output of `serve` about the addresses at which others reach it.

import { networkInterfaces } from 'node:os';
import { expect, test } from 'vitest';
import { reachOf } from '../../src/cli/network-address.ts';
import { databaseSetting } from '../postgres/test-store.ts';
import { run, serve, start, temporaryFolder } from './run-cli.ts';

const own = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .filter(({ internal, family }) => !internal && family === 'IPv4')
  .map(({ address }) => address);

test('--host 0.0.0.0 prints the real addresses, the missing encryption and the valid keys', async () => {
  const home = temporaryFolder();
  const env = { CODEBUDDY_API_KEY: 'a-key-of-the-environment' };
  const server = start(home, ['serve', '--port', '0', '--host', '0.0.0.0'], {
    ...(await databaseSetting(home)),
    ...env,
  });
  await server.saw('Ctrl-C');
  const { stdout } = server.output;
  expect(stdout).toContain('HTTP is not encrypted');
  expect(stdout).toContain('CODEBUDDY_API_KEY is accepted, too');
  const port = /127\.0\.0\.1:(\d+)/.exec(stdout)?.[1] as string;
  for (const address of own) expect(stdout).toContain(`http://${address}:${port}`);
  // The server answers at each named address.
  for (const address of own)
    expect(
      (await run(home, ['status', '--url', `http://${address}:${port}`, '--api-key', env.CODEBUDDY_API_KEY]))
        .code,
    ).toBe(0);
});

test('loopback prints no such warning; with --json the warning is on standard error', async () => {
  const home = temporaryFolder();
  const local = start(home, ['serve', '--port', '0'], await databaseSetting(home));
  await local.saw('Ctrl-C');
  expect(local.output.stdout).not.toContain('encrypted');
  expect(local.output.stdout).not.toContain('CODEBUDDY_API_KEY');
  const open = await serve(temporaryFolder(), ['--host', '0.0.0.0']);
  expect(JSON.parse(open.output.stdout)).toMatchObject({
    addresses: own.map((address) => expect.stringContaining(address)),
  });
  open.child.kill('SIGTERM');
  expect((await open.finished).stderr).toContain('HTTP is not encrypted');
});

const one = { netmask: '', mac: '', cidr: null };
const interfaces = {
  lo: [{ ...one, address: '127.0.0.1', family: 'IPv4', internal: true }],
  eth0: [
    { ...one, address: '192.168.1.5', family: 'IPv4', internal: false },
    { ...one, address: '2001:db8::5', family: 'IPv6', internal: false, scopeid: 0 },
    { ...one, address: 'fe80::1', family: 'IPv6', internal: false, scopeid: 2 },
  ],
} as const;

test.each([
  ['127.0.0.1', true, []],
  ['localhost', true, []],
  ['::1', true, []],
  ['0.0.0.0', false, ['http://192.168.1.5:80']],
  ['::', false, ['http://192.168.1.5:80', 'http://[2001:db8::5]:80']],
  ['192.168.1.5', false, ['http://192.168.1.5:80']],
  ['2001:db8::5', false, ['http://[2001:db8::5]:80']],
])('--host %s is reached at', (host, isLocal, urls) => {
  expect(reachOf(host, '80', interfaces as unknown as Parameters<typeof reachOf>[2])).toEqual({
    isLocal,
    urls,
  });
});
