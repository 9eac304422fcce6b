import type { Workspace } from './workspace.ts';

/** Which names below a folder deny rules withhold from a tool: by the folder's path as it is spelled, and by its real one. */
export async function withheldBelow(
  workspace: Workspace,
  tool: string,
  folder: string,
): Promise<(name: string) => boolean> {
  const { guard } = workspace;
  if (guard === undefined) return () => false;
  const spelled = workspace.relative(folder);
  const { path: real = spelled } = await workspace.realFile(folder);
  const folders = real === spelled ? [spelled] : [spelled, real];
  return (name) => folders.some((one) => guard.denies(tool, one === '.' ? name : `${one}/${name}`));
}
