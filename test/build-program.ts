// Builds the program if the sources have changed, in half a second. The tests of the command line start it.

import type { TestProject } from 'vitest/node';
import { ensureProgram } from '../scripts/build.cjs';

export default async function setup(project: TestProject): Promise<void> {
  await ensureProgram(process.execPath);
  project.onTestsRerun(() => ensureProgram(process.execPath));
}
