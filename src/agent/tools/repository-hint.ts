// What to do if git fails in the sandbox because its repository lies outside of the workspace: that of a worktree, or of
// a folder of a repository. A command must not write there. git replaces files by renaming others over them, so it needs
// whole folders: that of a branch has other branches, too, and a command that may write `objects` may replace the
// content of any commit.

import { isInFolder } from '../../base/is-in-folder.ts';

/** Characters that are looked at: at the end of the standard error, and of a line. */
const longestText = 8192;
const longestLine = 1000;

/** The folder `.git` at the end of an absolute path in a message of git: quoted, or after a space. */
function gitFolderIn(line: string): string | undefined {
  const [before, after] = line.split('/.git', 2);
  if (before === undefined || after === undefined || !/^(?:[/'":\s]|$)/.test(after)) return undefined;
  const quoted = before.lastIndexOf("'/");
  const start = quoted === -1 ? before.indexOf(' /') : quoted;
  return start === -1 ? undefined : `${before.slice(start + 1)}/.git`;
}

const instead =
  'Leave the changes uncommitted: they stay in the files, and a person can commit them, or the server when the session is deleted (worktree.keep "never").';

/** `stderr`: of a command that failed in the sandbox. Undefined if its git repository is not the reason. */
export function repositoryHint(stderr: string, root: string): string | undefined {
  for (const line of stderr.slice(-longestText).split('\n')) {
    const isHidden = line.includes('not a git repository:');
    if (!isHidden && !line.includes('Read-only file system')) continue;
    const repository = gitFolderIn(line.slice(0, longestLine));
    if (repository === undefined || isInFolder(repository, root)) continue;
    return isHidden
      ? `Commands in the sandbox cannot see the git repository ${repository}, so git does not work here. ${instead}`
      : `Commands in the sandbox cannot write the git repository ${repository}, which is outside of the workspace, so git cannot add, commit, stash or switch branches here. It can show the status, differences and the history. ${instead}`;
  }
  return undefined;
}
