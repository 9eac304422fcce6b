// The workspace is the config folder, or contains it: the agent still cannot write the files that the next start reads.

import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createApp } from '../../../src/app.ts';
import { CodeBuddyClient } from '../../../src/client/index.ts';
import { loadSettings } from '../../../src/config/load-settings.ts';

const canSandbox =
  spawnSync('bwrap', ['--ro-bind', '/', '/', '--unshare-all', 'true'], { stdio: 'ignore' }).status === 0;

async function start(inWorkspace: string) {
  const workspace = realpathSync(mkdtempSync(join(tmpdir(), 'codebuddy-own-')));
  const home = join(workspace, inWorkspace);
  for (const cache of [join(home, 'compile-cache', 'v1'), join(home, 'api', 'compile-cache', 'v1')]) {
    mkdirSync(cache, { recursive: true, mode: 0o700 });
    writeFileSync(join(cache, 'code'), 'ours');
  }
  const { settings } = loadSettings({
    flags: { home, workspace, port: '0', models: 'offline', database: join(workspace, 'data.db') },
    environment: {},
  });
  const app = await createApp(settings, { environment: { PATH: process.env.PATH } });
  await app.start();
  const client = new CodeBuddyClient({ home });
  onTestFinished(async () => {
    client.close();
    await app.stop();
    rmSync(workspace, { recursive: true, force: true });
  });
  const run = async (command: string) => (await client.tools.execute('bash', { command })).result;
  return { workspace, home, run };
}

describe.skipIf(!canSandbox).each([['.'], ['.codebuddy'], ['config/of/mine']])(
  'with the config folder at %s,',
  (at) => {
    it('a command can write no code cache, no settings and no database journal', async () => {
      const { workspace, home, run } = await start(at);
      const first = at.split('/')[0];
      await run(
        [
          `cd ${home}`,
          'echo planted > compile-cache/v1/code; mkdir -p compile-cache/v2; echo planted > compile-cache/v2/code',
          'mv compile-cache old; mkdir -p compile-cache/v1; echo planted > compile-cache/v1/code',
          `echo '{"mcpServers":{"a":{"command":"planted"}}}' > config.json`,
          `echo '{"mcpServers":{"a":{"command":"planted"}}}' > api/config.json`,
          'mkdir -p api/compile-cache/v2; echo planted > api/compile-cache/v2/code; echo planted > api/compile-cache/v1/code',
          `cd ${workspace}; echo planted > data.db-journal`,
          `[ ${first} = . ] || { mv ${first} moved; mkdir -p ${home}/compile-cache; echo planted > ${home}/config.json; echo planted > ${home}/compile-cache/code; }`,
          'true',
        ].join('\n'),
      );
      for (const file of ['config.json', 'api/config.json']) expect(existsSync(join(home, file))).toBe(false);
      expect(existsSync(join(workspace, 'data.db-journal'))).toBe(false);
      for (const cache of [join(home, 'compile-cache'), join(home, 'api', 'compile-cache')]) {
        const files = existsSync(cache) ? readdirSync(cache, { recursive: true }) : [];
        for (const name of files.map(String).filter((file) => file.endsWith('code')))
          expect(readFileSync(join(cache, name), 'utf8')).toBe('ours');
        expect(files).not.toContain('v2');
      }
    });
  },
);
