// Programs by the names of agents, in a folder of their own for PATH. They do nothing: lists must not start agents.

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { temporaryFolder } from '../start-agent.ts';

export interface FakePrograms {
  /** For PATH. */
  readonly bin: string;
  /** For HOME. */
  readonly home: string;
  /** A program was started if this file exists. */
  readonly started: string;
  /** Creates a file in the home folder. */
  keep(path: string, content: string): void;
}

export function fakePrograms(...names: readonly string[]): FakePrograms {
  const folder = temporaryFolder();
  const [bin, home, started] = [join(folder, 'bin'), join(folder, 'home'), join(folder, 'started')];
  for (const path of [bin, home]) mkdirSync(path);
  for (const name of names) {
    writeFileSync(join(bin, name), `#!/bin/sh\necho "$0" >> '${started}'\n`);
    chmodSync(join(bin, name), 0o755);
  }
  return {
    bin,
    home,
    started,
    keep(path, content) {
      mkdirSync(dirname(join(home, path)), { recursive: true });
      writeFileSync(join(home, path), content);
    },
  };
}
