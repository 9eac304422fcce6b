// Runs built-in tools in a separate process, where mounts and limits affect nothing else. Reads JSON from its standard
// input: the workspace, the ordinary user to switch to, whether to use up the file handles, and the calls. Prints the
// outcomes as one line of JSON.

import { openSync, readFileSync } from 'node:fs';
import { createToolBox, type ToolBox } from '../../src/agent/tools/tool-box.ts';
import { openWorkspace } from '../../src/agent/tools/workspace.ts';
import { CodeBuddyError } from '../../src/base/errors.ts';

interface Task {
  readonly workspace: string;
  readonly user?: number;
  readonly useUpHandles?: boolean;
  readonly calls: readonly (readonly [tool: string, params: Record<string, unknown>])[];
}

const { workspace, user, useUpHandles = false, calls } = JSON.parse(readFileSync(0, 'utf8')) as Task;
const toolBox = async (): Promise<ToolBox> =>
  createToolBox({
    workspace: await openWorkspace(workspace),
    log: { append: async () => [], publish: () => undefined },
    environment: { PATH: process.env.PATH ?? '' },
  });
if (user !== undefined) {
  // Load the validator of parameters first: the user may not be able to read the folder of the clone.
  await (await toolBox()).prepare('glob', { pattern: '*' });
  process.setgroups?.([]);
  process.setgid?.(user);
  process.setuid?.(user);
}
const tools = await toolBox();
if (useUpHandles) {
  // Load everything first that is otherwise loaded at its first use.
  await tools.run(await tools.prepare('glob', { pattern: '*' }), {
    signal: AbortSignal.timeout(60_000),
  });
  try {
    for (;;) openSync('/dev/null', 'r');
  } catch {}
}
for (const [tool, params] of calls) {
  const outcome = await tools.run(await tools.prepare(tool, params), {
    signal: AbortSignal.timeout(60_000),
  });
  const shown = outcome.ok ? { result: outcome.result } : describe(outcome.error);
  process.stdout.write(`${JSON.stringify(shown)}\n`);
}

function describe(error: unknown): Readonly<Record<string, unknown>> {
  return error instanceof CodeBuddyError
    ? { code: error.code, status: error.status, message: error.message }
    : { code: String(error) };
}
