// The choice of the workspace for a new session, among those that are known, and of a git worktree.

import { useWorkspaces } from '../../app/workspaces.ts';

export interface ChosenPlace {
  /** Empty: the workspace of the server. */
  readonly workspace: string;
  readonly worktree: boolean;
}

export const defaultPlace: ChosenPlace = { workspace: '', worktree: false };

/** The options of a prompt. */
export function placeOptions({ workspace, worktree }: ChosenPlace) {
  return { ...(workspace === '' ? {} : { workspace }), ...(worktree ? { worktree: true } : {}) };
}

export interface WorkspaceChoiceProps {
  readonly chosen: ChosenPlace;
  readonly onChoose: (place: ChosenPlace) => void;
}

export function WorkspaceChoice({ chosen, onChoose }: WorkspaceChoiceProps) {
  const known = useWorkspaces().value;
  if (known === undefined) return null;
  const ready = known.workspaces.filter(({ status }) => status === 'ready');
  const paths = [...new Set([...known.roots, ...ready.map(({ path }) => path)])];
  const byDefault = ready.find(({ isDefault }) => isDefault)?.path;
  const inGit = ready.find(({ path }) => path === (chosen.workspace || byDefault))?.git !== null;
  return (
    <>
      {paths.length > 1 && (
        <select
          aria-label="Workspace"
          value={chosen.workspace}
          onChange={({ currentTarget }) => onChoose({ workspace: currentTarget.value, worktree: false })}
        >
          <option value="">default workspace</option>
          {paths
            .filter((path) => path !== byDefault)
            .map((path) => (
              <option key={path} value={path}>
                {path}
              </option>
            ))}
        </select>
      )}
      {inGit && (
        <label class="row quiet" title="A folder and a branch of its own, made from the workspace">
          <input
            type="checkbox"
            checked={chosen.worktree}
            onChange={({ currentTarget }) => onChoose({ ...chosen, worktree: currentTarget.checked })}
          />
          worktree
        </label>
      )}
    </>
  );
}
