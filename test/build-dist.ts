// Builds `dist` if the sources have changed, before the tests that need it.

import { ensureBuilt } from '../scripts/build.cjs';

export default function setup(): Promise<void> {
  return ensureBuilt(process.execPath);
}
