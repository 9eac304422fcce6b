import type { Workspace } from './workspace.ts';

/**
 * Tells which entries of a folder deny rules withhold from a tool, by the folder's path as spelled and by its real
 * path.
 */
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

/** The same for the paths of a walk that began at `start`, which may itself be a file. */
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
