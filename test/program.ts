// The program as users start it. The tests run the built one, which starts three times as fast as the sources:
// test/build-program.ts builds it before the first test, and in watch mode after each change.

import { fileURLToPath } from 'node:url';

export const program = fileURLToPath(new URL('../bin/codebuddy.js', import.meta.url));
