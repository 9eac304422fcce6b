// The files of the workspace, folder by folder, and what a session has changed in them (`?session=`).

import type { FileEntry } from '../../../src/client/web.ts';
import { allOf } from '../../app/all-of.ts';
import { useResource } from '../../app/resource.ts';
import { hrefOf } from '../../app/router.ts';
import { lackOf } from '../../app/scope.ts';
import { client } from '../../app/sign-in.ts';
import type { ViewProps } from '../../app/view-props.ts';
import { CodeArea } from '../../parts/code-area.tsx';
import { formatCount } from '../../parts/format.ts';
import { Content, Empty } from '../../parts/state.tsx';
import { visible } from '../permissions/visible.tsx';
import { SessionChanges } from './session-changes.tsx';

const shownBytes = 512 * 1024;

export default function FilesView({ path, query: { session, file } }: ViewProps) {
  return session === undefined ? (
    <Folder path={path} file={file} />
  ) : (
    <SessionChanges key={session} sessionId={session} />
  );
}

function Folder({ path, file }: Pick<ViewProps, 'path'> & { readonly file: string | undefined }) {
  const folder = path.join('/') || '.';
  const files = useResource(
    `files of ${folder}`,
    (signal) => allOf(client.files.list({ path: folder, limit: 200 }, { signal })),
    { changedBy: ['file.'] },
  );
  const open = files.value?.find(({ name }) => name === file);
  return (
    <>
      <header>
        <h1>Files</h1>
        {files.value !== undefined && <span class="quiet">{formatCount(files.value.length)}</span>}
        <nav class="row wrap mono" aria-label="Folder">
          {['workspace', ...path].map((name, depth) => (
            <a key={depth} href={hrefOf(['files', ...path.slice(0, depth)])}>
              {visible(name)}/
            </a>
          ))}
        </nav>
      </header>
      <Content of={files}>
        {(all) => (
          <div class={open === undefined ? 'panes' : 'panes is-open'}>
            <nav class="panel pane-list" aria-label="Files">
              {all.length === 0 && <Empty>No files. Ignored files are not listed.</Empty>}
              <ul>
                {all.map((entry) => (
                  <li key={entry.path}>
                    <Entry entry={entry} path={path} isOpen={entry === open} />
                  </li>
                ))}
              </ul>
            </nav>
            {open === undefined ? (
              <p class="quiet wide-only">Choose a file to read it.</p>
            ) : (
              <FileContent key={open.path} file={open} />
            )}
          </div>
        )}
      </Content>
    </>
  );
}

function Entry({
  entry: { name, kind, size },
  path,
  isOpen,
}: {
  readonly entry: FileEntry;
  readonly path: readonly string[];
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
    kind === 'directory' ? hrefOf(['files', ...path, name]) : hrefOf(['files', ...path], { file: name });
  return (
    <a class="tool-entry" href={href} aria-current={isOpen ? 'true' : undefined}>
      {label}
    </a>
  );
}

function FileContent({ file: { path, size, modifiedAt } }: { readonly file: FileEntry }) {
  const lack = lackOf('tools');
  const isShown = lack === undefined && (size ?? 0) <= shownBytes;
  const content = useResource(`file ${path} ${modifiedAt}`, async (signal) =>
    isShown ? client.files.text(path, { signal }) : undefined,
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
