// The files of a workspace, folder by folder (`?workspace=`), and what a session has changed in them (`?session=`).

import type { FileEntry } from '../../../src/client/web.ts';
import { allOf } from '../../app/all-of.ts';
import { useResource } from '../../app/resource.ts';
import { hrefOf } from '../../app/router.ts';
import { lackOf } from '../../app/scope.ts';
import { client } from '../../app/sign-in.ts';
import type { ViewProps } from '../../app/view-props.ts';
import { sessionIn } from '../../app/workspaces.ts';
import { CodeArea } from '../../parts/code-area.tsx';
import { formatCount } from '../../parts/format.ts';
import { Content, Empty } from '../../parts/state.tsx';
import { visible } from '../permissions/visible.tsx';
import { SessionChanges } from './session-changes.tsx';
import { WorkspaceSelect } from './workspace-select.tsx';

const shownBytes = 512 * 1024;

export default function FilesView({ path, query: { session, file, workspace } }: ViewProps) {
  return session === undefined ? (
    <Folder path={path} file={file} workspace={workspace} />
  ) : (
    <SessionChanges key={session} sessionId={session} />
  );
}

interface FolderProps extends Pick<ViewProps, 'path'> {
  readonly file: string | undefined;
  /** Undefined: that of the server. */
  readonly workspace: string | undefined;
}

function Folder({ path, file, workspace }: FolderProps) {
  const folder = path.join('/') || '.';
  const listing = useResource(
    `files of ${folder} in ${workspace}`,
    async (signal) => {
      const found = await sessionIn(workspace, signal);
      if (found === null) return { isUnused: true, query: {}, files: [] };
      const query = found === undefined ? {} : { sessionId: found };
      const files = await allOf(client.files.list({ path: folder, limit: 200, ...query }, { signal }));
      return { isUnused: false, query, files };
    },
    { changedBy: ['file.'] },
  );
  const open = listing.value?.files.find(({ name }) => name === file);
  return (
    <>
      <header>
        <h1>Files</h1>
        {listing.value !== undefined && <span class="quiet">{formatCount(listing.value.files.length)}</span>}
        <WorkspaceSelect workspace={workspace} />
        <nav class="row wrap mono" aria-label="Folder">
          {['workspace', ...path].map((name, depth) => (
            <a key={depth} href={hrefOf(['files', ...path.slice(0, depth)], { workspace })}>
              {visible(name)}/
            </a>
          ))}
        </nav>
      </header>
      <Content of={listing}>
        {({ isUnused, query, files }) =>
          isUnused ? (
            <Empty>No session works in {workspace}. Only the workspaces of sessions are shown.</Empty>
          ) : (
            <div class={open === undefined ? 'panes' : 'panes is-open'}>
              <nav class="panel pane-list" aria-label="Files">
                {files.length === 0 && <Empty>No files. Ignored files are not listed.</Empty>}
                <ul>
                  {files.map((entry) => (
                    <li key={entry.path}>
                      <Entry entry={entry} path={path} workspace={workspace} isOpen={entry === open} />
                    </li>
                  ))}
                </ul>
              </nav>
              {open === undefined ? (
                <p class="quiet wide-only">Choose a file to read it.</p>
              ) : (
                <FileContent key={open.path + workspace} file={open} query={query} />
              )}
            </div>
          )
        }
      </Content>
    </>
  );
}

function Entry({
  entry: { name, kind, size },
  path,
  workspace,
  isOpen,
}: Pick<FolderProps, 'path' | 'workspace'> & {
  readonly entry: FileEntry;
  readonly isOpen: boolean;
}) {
  const label = (
    <span class="row">
      <span class="mono cut grow">
        {visible(name)}
        {kind === 'directory' ? '/' : ''}
      </span>
      <span class="quiet number">{size === null ? (kind === 'directory' ? '' : kind) : sizeOf(size)}</span>
    </span>
  );
  if (kind !== 'directory' && kind !== 'file') return <span class="tool-entry">{label}</span>;
  const href =
    kind === 'directory'
      ? hrefOf(['files', ...path, name], { workspace })
      : hrefOf(['files', ...path], { workspace, file: name });
  return (
    <a class="tool-entry" href={href} aria-current={isOpen ? 'true' : undefined}>
      {label}
    </a>
  );
}

interface FileContentProps {
  readonly file: FileEntry;
  /** Names the workspace. */
  readonly query: { readonly sessionId?: string };
}

function FileContent({ file: { path, size, modifiedAt }, query }: FileContentProps) {
  const lack = lackOf('tools');
  const isShown = lack === undefined && (size ?? 0) <= shownBytes;
  const content = useResource(`file ${path} ${modifiedAt} ${query.sessionId}`, async (signal) =>
    isShown ? client.files.text(path, { ...query, signal }) : undefined,
  );
  if (!isShown) return <Empty>{lack ?? `The file is too large to show: ${sizeOf(size ?? 0)}.`}</Empty>;
  return (
    <Content of={content}>
      {(text) =>
        text === undefined ? null : text.includes('\0') ? (
          <Empty>A binary file of {sizeOf(size ?? 0)}.</Empty>
        ) : (
          <CodeArea label={path}>{text}</CodeArea>
        )
      }
    </Content>
  );
}

function sizeOf(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
