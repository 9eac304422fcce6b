// The messages of `node bin/codebuddy.js` in a clone without a build or packages, and on an old Node.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../cli/run-cli.ts';

const bin = fileURLToPath(new URL('../../bin', import.meta.url));

interface Folder {
  readonly isClone: boolean;
  /** The built program. */
  readonly main?: string;
}

function makeFolder({ isClone, main }: Folder): string {
  const folder = temporaryFolder();
  cpSync(bin, join(folder, 'bin'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  for (const name of ['src/cli', 'dist/cli']) mkdirSync(join(folder, name), { recursive: true });
  if (isClone) writeFileSync(join(folder, 'src/cli/main.ts'), '');
  if (main !== undefined) writeFileSync(join(folder, 'dist/cli/main.js'), main);
  return folder;
}

function runIn(
  folder: string,
  version?: string,
): { readonly status: number | null; readonly stderr: string } {
  const old = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;
  const args = version === undefined ? [] : ['--import', `data:text/javascript,${encodeURIComponent(old)}`];
  const env = { ...process.env, CODEBUDDY_HOME: join(folder, 'home') };
  const { status, stderr } = spawnSync(
    process.execPath,
    [...args, join(folder, 'bin/codebuddy.js'), 'status'],
    {
      encoding: 'utf8',
      env,
    },
  );
  return { status, stderr };
}

describe('node bin/codebuddy.js', () => {
  test.each(['18.20.0', '20.20.2', '22.18.0'])(
    'on Node %s names the required version and the remedy',
    (version) => {
      const first = `codebuddy needs Node.js 22.19 or newer; this is v${version}.\n`;
      expect(runIn(makeFolder({ isClone: true }), version)).toEqual({
        status: 1,
        stderr: `${first}In this clone, npm start and npx codebuddy use their own Node, whichever one is installed.\n`,
      });
      const installed = runIn(makeFolder({ isClone: false, main: '' }), version);
      expect(installed.status).toBe(1);
      expect(installed.stderr).toContain(first);
      expect(installed.stderr).toContain('https://nodejs.org');
    },
  );

  test('without a build says to run npm start', () => {
    const { status, stderr } = runIn(makeFolder({ isClone: true }));
    expect(status).toBe(1);
    expect(stderr).toContain('is not built in');
    expect(stderr).toContain('Run npm start, which');
  });

  test('without its packages says the same', () => {
    const { status, stderr } = runIn(makeFolder({ isClone: true, main: "import 'no-such-package-here';" }));
    expect(status).toBe(1);
    expect(stderr).toContain('no-such-package-here');
    expect(stderr).toContain('Run npm start, which');
  });

  test('starts on Node 22.19', () => {
    const folder = makeFolder({ isClone: true, main: "process.stderr.write('started')" });
    expect(runIn(folder, '22.19.0')).toEqual({ status: 0, stderr: 'started' });
  });
});
