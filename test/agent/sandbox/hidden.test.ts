// Places that a command in the sandbox must not see, with the real bubblewrap: the server's files, sockets of other
// programs, credentials.

import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createSandbox } from '../../../src/agent/tools/sandbox.ts';
import { WAIT_LIMIT_MS } from '../../wait-for.ts';
import { temporaryFolder } from '../start-agent.ts';
import {
  hasBubblewrap,
  isRoot,
  ordinaryUser,
  owners,
  putNode,
  startSandboxedAgent,
} from './real-bubblewrap.ts';

function put(path: string, content = 'secret'): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

/** A program of the machine that listens on a Unix socket and counts its connections. */
async function listen(path: string): Promise<{ readonly connections: () => number }> {
  let connections = 0;
  const server: Server = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  mkdirSync(dirname(path), { recursive: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path, readableAll: true, writableAll: true }, resolve);
  });
  onTestFinished(() => void server.close());
  return { connections: () => connections };
}

/** Prints `connected` or the code of the error. */
const connectTo = (node: string, path: string): string =>
  `${node} -e 'require("net").connect(process.argv[1]).on("connect", () => { console.log("connected"); process.exit() }).on("error", (e) => console.log(e.code))' '${path}'`;

describe.skipIf(!hasBubblewrap).each(owners)('a command in a workspace of %s', (owner) => {
  it('writes the workspace and sees nothing of the config folder beside it', async () => {
    const folder = temporaryFolder();
    const home = join(folder, 'home');
    put(join(home, 'api-key'));
    const { run, workspace } = await startSandboxedAgent(owner, {}, { folder, ownFiles: [home] });
    expect(await run(`echo x > inside.txt; cat ${home}/api-key; ls ${home} /tmp`)).toMatchObject({
      stdout: expect.not.stringMatching(/secret|api-key/),
    });
    expect(readFileSync(join(workspace, 'inside.txt'), 'utf8')).toBe('x\n');
  });

  it('sees nothing of a config folder that the workspace is in', async () => {
    const home = temporaryFolder();
    put(join(home, 'api-key'));
    put(join(home, 'codebuddy.db'));
    const { run, workspace } = await startSandboxedAgent(owner, {}, { folder: home, ownFiles: [home] });
    const { stdout } = await run(`ls ${home}; cat ../api-key ../codebuddy.db; touch ../new; touch made`);
    expect(stdout).toBe('workspace\n');
    expect(readdirSync(workspace)).toEqual(['made']);
    expect(readdirSync(home)).not.toContain('new');
  });

  it('sees nothing of a config folder in the workspace, and cannot move it away', async () => {
    const folder = temporaryFolder();
    const home = join(folder, 'workspace', '.codebuddy');
    put(join(home, 'api-key'));
    const { run } = await startSandboxedAgent(owner, {}, { folder, ownFiles: [home] });
    const { stdout } = await run('cat .codebuddy/api-key; mv .codebuddy x; cp -r .codebuddy y; cat x/* y/*');
    expect(stdout).toBe('');
    expect(readFileSync(join(home, 'api-key'), 'utf8')).toBe('secret');
  });

  it('sees no file of the server in the workspace, also not by a link or another name', async () => {
    const folder = temporaryFolder();
    const key = put(join(folder, 'workspace', 'api-key'));
    symlinkSync(key, join(folder, 'workspace', 'link'));
    symlinkSync(key, join(folder, 'own'));
    const { run } = await startSandboxedAgent(owner, {}, { folder, ownFiles: [join(folder, 'own')] });
    const { stdout } = await run('cat api-key link; ln api-key hard; cat hard; mv api-key moved; cat moved');
    expect(stdout).toBe('');
  });

  it.each(['service.sock', 'a/b/deep.sock'])('does not reach a socket in the workspace: %s', async (name) => {
    const folder = temporaryFolder();
    const path = join(folder, 'workspace', name);
    const service = await listen(path);
    const { run, workspace } = await startSandboxedAgent(owner, {}, { folder });
    const node = putNode(workspace);
    const { stdout } = await run(`${connectTo(node, path)}; ln ${path} other; ${connectTo(node, './other')}`);
    expect(stdout).toMatch(/^E\w+\nE\w+\n$/);
    expect(service.connections()).toBe(0);
  });

  it('does not reach sockets in /tmp or named by a variable, with or without the network', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'agent', 'ssh.sock');
    const service = await listen(path);
    const environment = { PATH: process.env.PATH, SSH_AUTH_SOCK: path };
    for (const network of [false, true]) {
      const { run, workspace } = await startSandboxedAgent(owner, { network }, { environment });
      expect((await run(connectTo(putNode(workspace), path))).stdout).toBe('ENOENT\n');
    }
    expect(service.connections()).toBe(0);
  });

  it('finds /run empty', async () => {
    const { run } = await startSandboxedAgent(owner);
    expect((await run('ls -A /run; find /run /tmp /var/tmp /dev -type s')).stdout).toBe('');
  });

  it('can use its own Unix sockets', async () => {
    const { run, workspace } = await startSandboxedAgent(owner);
    const node = putNode(workspace);
    const script = `const s = require("net").createServer((c) => c.end()).listen(process.argv[1], () =>
      require("net").connect(process.argv[1]).on("connect", () => { console.log("own"); process.exit() }))`;
    for (const path of ['/tmp/own.sock', 'own.sock'])
      expect((await run(`${node} -e '${script}' ${path}`)).stdout).toBe('own\n');
  });

  it('gets no variable of the server', async () => {
    const environment = { PATH: process.env.PATH, HOME: '/', SOME_API_KEY: 'secret', TMPDIR: '/elsewhere' };
    const { run } = await startSandboxedAgent(owner, {}, { environment });
    const { stdout } = await run('cat /proc/1/environ /proc/self/environ; echo; echo $TMPDIR; mktemp');
    expect(stdout).not.toContain('secret');
    expect(stdout).toMatch(/\n\/tmp\n\/tmp\/tmp\./);
  });
});

describe.skipIf(!hasBubblewrap)('credentials', () => {
  it('of the home folder are hidden; settings hide more and show some; hidden files read as empty', async () => {
    const read = async (sandbox = {}): Promise<string> => {
      const folder = temporaryFolder();
      // The home is the workspace: anywhere else below /tmp it would be hidden anyway.
      const home = join(folder, 'workspace');
      for (const path of ['.ssh/id_ed25519', '.aws/credentials', '.npmrc', '.netrc', 'vault/x', 'note.txt'])
        put(join(home, path), `secret of ${path}\n`);
      const environment = { PATH: process.env.PATH, HOME: home };
      const { run } = await startSandboxedAgent('our own', sandbox, { folder, environment });
      const all = 'cat .ssh/* .aws/* .npmrc .netrc vault/* note.txt; cat .netrc && echo readable';
      return (await run(all)).stdout;
    };
    expect(await read()).toBe('secret of vault/x\nsecret of note.txt\nreadable\n');
    expect(await read({ hide: ['~/vault', '~/note.txt'], show: ['~/.npmrc'] })).toBe(
      'secret of .npmrc\nreadable\n',
    );
  });

  it.skipIf(!isRoot)('of the system are hidden from root', async () => {
    const { run } = await startSandboxedAgent('our own');
    const unreadable = 'find /etc /var -xdev -type f -uid 0 ! -perm -004 -size +0 -readable 2>/dev/null';
    expect(
      (await run(`${unreadable} | while read -r f; do [ -n "$(head -c 1 "$f")" ] && echo "$f"; done`)).stdout,
    ).toBe('');
  });
});

describe.skipIf(!hasBubblewrap)('a workspace that cannot be written', () => {
  const look = (workspace: string) =>
    createSandbox({
      mode: 'auto',
      workspace,
      hidden: [],
      network: false,
      environment: { PATH: process.env.PATH ?? '' },
      probeTimeoutMs: WAIT_LIMIT_MS,
    }).look();

  it.skipIf(!isRoot)('by commands, though root could write it, has no sandbox', async () => {
    const workspace = temporaryFolder();
    chownSync(workspace, ordinaryUser, ordinaryUser);
    chmodSync(workspace, 0o555);
    expect(await look(workspace)).toMatchObject({
      status: 'unavailable',
      reason: expect.stringContaining('cannot write the workspace'),
    });
  });

  it.skipIf(isRoot)('by anybody, has a sandbox', async () => {
    const workspace = temporaryFolder();
    chmodSync(workspace, 0o555);
    expect(await look(workspace)).toEqual({ status: 'works' });
  });
});

describe.skipIf(!hasBubblewrap)('the sandbox', () => {
  it('refuses commands if a place to hide cannot be examined', async () => {
    const folder = temporaryFolder();
    symlinkSync('loop', join(folder, 'loop'));
    const workspace = join(folder, 'workspace');
    mkdirSync(workspace);
    const sandbox = createSandbox({
      mode: 'auto',
      workspace,
      hidden: [join(folder, 'loop')],
      network: false,
      environment: { PATH: process.env.PATH ?? '' },
      probeTimeoutMs: WAIT_LIMIT_MS,
    });
    expect(await sandbox.look()).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('ELOOP'),
    });
    await expect(sandbox.prepare('true', workspace, [])).rejects.toMatchObject({
      code: 'sandbox_unavailable',
    });
  });

  it('is unavailable if the workspace is the whole system or a folder of the kernel', async () => {
    for (const workspace of ['/', '/proc', '/dev']) {
      const options = {
        workspace,
        hidden: [],
        network: false,
        environment: { PATH: process.env.PATH ?? '' },
      };
      expect(await createSandbox({ mode: 'auto', ...options }).look()).toMatchObject({
        status: 'unavailable',
      });
    }
  });
});
