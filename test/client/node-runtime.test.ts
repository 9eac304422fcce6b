// The suite of all runtimes in Node.js: with the connection of Node.js, and with the global `fetch`.

import { expect, test } from 'vitest';
import * as forNode from '../../src/client/index.ts';
import * as forWeb from '../../src/client/web.ts';
import { runSuite } from './runtime-suite.ts';
import { failuresOf, startForSuite } from './start-for-suite.ts';

test.each([
  ['its own connection', forNode],
  ['the global fetch', forWeb],
])('the client works in Node.js with %s', async (_name, module) => {
  const { input, proxy } = await startForSuite('node');
  const report = await runSuite(module, input);
  expect(failuresOf(report)).toEqual({});
  expect(Object.keys(report).length).toBeGreaterThan(10);
  const toolRuns = proxy.requests.filter(({ name }) => name === 'lose/tool-node');
  expect(toolRuns.map(({ line }) => line)).toEqual(['POST /api/tools/write_file']);
});
