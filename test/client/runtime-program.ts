// The suite as a script for browsers, Deno and Bun.

import * as client from '../../src/client/web.ts';
import { runSuite, type SuiteInput, type SuiteReport } from './runtime-suite.ts';

export const run = (input: SuiteInput): Promise<SuiteReport> => runSuite(client, input);
export { client };
