// docs/sandbox.md lists every hidden place and every default limit of the code.

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import {
  credentialPlaces,
  privateFolders,
  socketFolders,
} from '../../src/agent/tools/sandbox/hidden-places.ts';
import { defaultSandboxLimits } from '../../src/agent/tools/sandbox/sandbox-limits.ts';

const page = readFileSync(new URL('../../docs/sandbox.md', import.meta.url), 'utf8');

it('the sandbox page names each hidden place', () => {
  // /var/run is the same folder as /run.
  const sockets = [...privateFolders, ...socketFolders].filter((path) => path !== '/var/run');
  const credentials = Object.values(credentialPlaces)
    .flat()
    .map((path) => path.replace('~/', ''));
  const missing = [...sockets, ...credentials].filter((path) => !page.includes(`\`${path}\``));
  expect(missing).toEqual([]);
});

it('the sandbox page names the default of each limit', () => {
  for (const [name, value] of Object.entries(defaultSandboxLimits))
    expect(page).toContain(`| \`${name}\` | ${value} |`);
});
