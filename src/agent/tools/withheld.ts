import type { Workspace } from './workspace.ts';

/** Which files of a folder deny rules withhold from a tool: by the folder's path as it is spelled, and by its real one. */
export async function withheldBelow(
  workspace: Workspace,
  tool: string,
  folder: string,
): Promise<(name: string) => boolean> {
  const { denyRules } = workspace;
  if (denyRules === undefined) return () => false;
  const spelled = workspace.relative(folder);
  const { path: real = spelled } = await workspace.realFile(folder);
  const folders = real === spelled ? [spelled] : [spelled, real];
  return (name) => folders.some((one) => denyRules.denies(tool, one === '.' ? name : `${one}/${name}`));
}

/** The same of the files of a walk that began at `start`, by their paths. `start` may itself be the file. */
export async function withheldFromWalk(
  workspace: Workspace,
  tool: string,
  start: string,
): Promise<(path: string) => boolean> {
  const { denyRules } = workspace;
  if (denyRules === undefined) return () => false;
  const from = workspace.relative(start);
  const isWithheld = await withheldBelow(workspace, tool, start);
  const { path: real = from } = await workspace.realFile(start);
  if (from === '.') return isWithheld;
  return (path) =>
    path === from
      ? denyRules.denies(tool, from) || denyRules.denies(tool, real)
      : isWithheld(path.slice(from.length + 1));
}
