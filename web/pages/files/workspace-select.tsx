// The choice of the workspace whose files are shown. It is in the URL.

import { go } from '../../app/router.ts';
import { useWorkspaces } from '../../app/workspaces.ts';

/** `workspace`: undefined for that of the server. Nothing, if there is only one. */
export function WorkspaceSelect({ workspace }: { readonly workspace: string | undefined }) {
  const { workspaces = [] } = useWorkspaces().value ?? {};
  const ofServer = workspaces.find(({ isDefault }) => isDefault)?.path;
  const value = workspace === ofServer ? '' : (workspace ?? '');
  const others = workspaces.filter(({ isDefault, status }) => !isDefault && status === 'ready');
  const paths = new Set([...others.map(({ path }) => path), value]);
  paths.delete('');
  if (paths.size === 0) return null;
  return (
    <select
      aria-label="Workspace"
      value={value}
      onChange={({ currentTarget }) => go(['files'], { workspace: currentTarget.value })}
    >
      <option value="">{ofServer ?? 'default workspace'}</option>
      {[...paths].map((path) => (
        <option key={path} value={path}>
          {path}
        </option>
      ))}
    </select>
  );
}
