// Builds the library if the sources have changed, before the tests that import the built package.

import { ensureLibrary } from '../scripts/build.cjs';

export default function setup(): Promise<void> {
  return ensureLibrary(process.execPath);
}
