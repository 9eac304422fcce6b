// Determines the target that permission rules are matched against: the command of `bash`, the file that a path leads
// to, or the parameters of other tools.

import { CodeBuddyError } from '../../base/errors.ts';
import type { FileTarget } from '../permissions/path-rule.ts';
import type { ToolTarget } from '../permissions/permission-rule.ts';
import { bashTool } from './bash.ts';
import type { Tool } from './tool.ts';
import type { Workspace } from './workspace.ts';

/** `tool` is undefined for an external tool. */
export async function findTarget(
  workspace: Workspace,
  tool: Tool | undefined,
  params: Readonly<Record<string, unknown>>,
): Promise<ToolTarget> {
  if (tool === undefined) return { kind: 'parameters' };
  if (tool === bashTool) {
    const folder = await findFile(workspace, params.cwd ?? '.');
    return { kind: 'command', command: String(params.command), folder: folder?.realPath };
  }
  return (await findFile(workspace, params.path ?? '.')) ?? { kind: 'outside' };
}

/** Undefined if the path leads out of the workspace. */
async function findFile(workspace: Workspace, path: unknown): Promise<FileTarget | undefined> {
  let spelled: string;
  try {
    spelled = workspace.relative(String(path));
  } catch (error) {
    // The tool reports the same error when it runs.
    if (error instanceof CodeBuddyError) return undefined;
    throw error;
  }
  const { path: realPath, stats } = await workspace.realFile(spelled);
  const isShared = stats?.isFile() === true && stats.nlink > 1;
  const { denyRules } = workspace;
  const otherNames = isShared ? await denyRules?.otherNames(workspace.root, stats) : [];
  return {
    kind: 'file',
    path: spelled,
    realPath,
    isShared,
    otherNames:
      denyRules === undefined
        ? []
        : otherNames
            ?.flatMap((name) => [name, ...denyRules.fromBases(name)])
            .concat([spelled, ...(realPath === undefined ? [] : [realPath])].flatMap(denyRules.fromBases)),
  };
}
