// `codebuddy open` on the real program, with a program in place of the browser.

import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run, serve, temporaryFolder } from './run-cli.ts';

const noDesktop = { DISPLAY: '', WAYLAND_DISPLAY: '', SSH_CONNECTION: '', SSH_CLIENT: '', SSH_TTY: '' };

async function signIn(link: string): Promise<number> {
  const url = new URL(link);
  const code = decodeURIComponent(url.hash.slice('#sign-in='.length));
  const { status } = await fetch(new URL('/api/sign-in', url), {
    method: 'POST',
    headers: { authorization: `Bearer ${code}` },
  });
  return status;
}

test('--print prints a link that signs in once', async () => {
  const home = temporaryFolder();
  const server = await serve(home);
  const { code, stdout, stderr } = await run(home, ['open', '--print']);
  expect(code, stderr).toBe(0);
  const [link = '', ...rest] = stdout.trim().split('\n');
  expect(rest).toEqual([]);
  expect(link.startsWith(`${server.url}/#sign-in=`), link).toBe(true);
  expect(stderr).toContain('It can be used once.');
  expect(await signIn(link)).toBe(201);
  expect(await signIn(link)).toBe(401);
});

test.skipIf(process.platform !== 'linux')('the link is printed without a desktop, and over SSH', async () => {
  const home = temporaryFolder();
  const server = await serve(home);
  const local = await run(home, ['open'], { env: noDesktop });
  expect(local.stdout, local.stderr).toContain('/#sign-in=');
  expect(local.stderr).not.toContain('ssh -L');
  const remote = await run(home, ['open'], {
    env: { ...noDesktop, DISPLAY: ':0', SSH_CONNECTION: '1 2 3 4' },
  });
  expect(remote.stdout).toContain('/#sign-in=');
  const { port } = new URL(server.url);
  expect(remote.stderr).toContain(`ssh -L ${port}:127.0.0.1:${port} HOST`);
});

test.skipIf(process.platform !== 'linux')('opens the link in the browser', async () => {
  const home = temporaryFolder();
  const server = await serve(home);
  const browser = join(home, 'browser');
  const seen = join(home, 'seen');
  writeFileSync(browser, `#!/bin/sh\nprintf '%s' "$*" > ${seen}.new && mv ${seen}.new ${seen}\n`);
  chmodSync(browser, 0o755);
  const { code, stdout, stderr } = await run(home, ['open', '--json'], {
    env: { ...noDesktop, DISPLAY: ':0', BROWSER: browser, XDG_CURRENT_DESKTOP: 'X-Generic', DE: 'generic' },
  });
  expect(code, stderr).toBe(0);
  const answer = JSON.parse(stdout) as { url: string; link: string; opened: boolean };
  expect(answer).toMatchObject({ url: server.url, opened: true });
  await expect.poll(() => existsSync(seen)).toBe(true);
  expect(readFileSync(seen, 'utf8')).toBe(answer.link);
  expect(await signIn(answer.link)).toBe(201);
});

test('without a server, the exit code is 3', async () => {
  const { code, stderr } = await run(temporaryFolder(), ['open', '--print', '--url', 'http://127.0.0.1:1']);
  expect(code, stderr).toBe(3);
});
