// The server is started through npx in the workspace: it runs no program of the workspace's node_modules/.bin.

import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { expect, it } from 'vitest';
import { databaseSetting } from '../postgres/test-store.ts';
import { start, temporaryFolder } from './run-cli.ts';

it('planted programs run neither for the server nor for its libraries', async () => {
  const home = temporaryFolder();
  const workspace = temporaryFolder();
  const mark = join(home, 'mark');
  const bin = join(workspace, 'node_modules', '.bin');
  mkdirSync(bin, { recursive: true });
  // The file watcher looks for watchman; other libraries look for the C library's programs.
  for (const name of ['watchman', 'bwrap', 'bash', 'sh', 'git', 'getconf', 'ldd', 'npx', 'node']) {
    writeFileSync(join(bin, name), `#!/bin/sh\necho ${name} >> ${mark}\nexit 1\n`);
    chmodSync(join(bin, name), 0o755);
  }
  const server = start(home, ['serve', '--port', '0', '--workspace', workspace, '--json'], {
    ...(await databaseSetting(home)),
    PATH: [bin, process.env.PATH].join(delimiter),
  });
  await server.saw('http://');
  const prompt = start(home, ['prompt', 'run echo "it is $((6*7))"']);
  expect((await prompt.finished).stdout).toContain('it is 42');
  // The watcher has started once it reports a file.
  const tail = start(home, ['events', 'tail', '--type', 'file.*', '--json']);
  let count = 0;
  const writing = setInterval(() => writeFileSync(join(workspace, `seen-${count++}.txt`), ''), 50);
  await tail.saw('seen-').finally(() => clearInterval(writing));
  tail.child.kill('SIGTERM');
  server.child.kill('SIGTERM');
  await server.finished;
  expect(existsSync(mark)).toBe(false);
});
