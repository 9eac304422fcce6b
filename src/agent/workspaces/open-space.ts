// A space: a workspace with everything that works in it. The server has one for its own workspace, and one for each
// other workspace of a session.

import type { EventLog } from '../../events/event-log.ts';
import type { Store } from '../../store/store.ts';
import { createFileHistory, type FileHistory } from '../file-history/file-history.ts';
import { createRestore, type RestoreFile } from '../file-history/restore-planned-file.ts';
import { withoutStar } from '../own-files.ts';
import { pathsInside } from '../paths-inside.ts';
import { createFileDenyRules } from '../permissions/file-deny-rules.ts';
import type { FilesThatRunLater } from '../permissions/files-that-run-later.ts';
import { allowsWriting } from '../permissions/judge-use.ts';
import type { PermissionRule } from '../permissions/permission-rule.ts';
import type { CallMarks } from '../processes/call-marks.ts';
import { createCommandGuard } from '../sandbox-guard/command-guard.ts';
import { removeLeftovers } from '../tools/leftovers.ts';
import { createSandbox, type Sandbox, type SandboxOptions } from '../tools/sandbox.ts';
import { createToolBox, type ExternalTools, type ToolBox } from '../tools/tool-box.ts';
import { openWorkspace, type Workspace } from '../tools/workspace.ts';
import { type WorkspaceWatch, watchWorkspace } from '../watch-workspace.ts';
import { rebaseList } from './bases.ts';

export type AgentSandboxOptions = Pick<SandboxOptions, 'network'> &
  Partial<Pick<SandboxOptions, 'mode' | 'limits' | 'hide' | 'show' | 'probeTimeoutMs'>>;

export interface SpaceOptions {
  readonly store: Pick<Store, 'write' | 'fileHistory'>;
  /** Larger files cannot be undone. */
  readonly undoFileBytes: number;
  /** Limit of the copies of one workspace that are kept on disk while commands run. */
  readonly undoTotalBytes: number;
  /** The log of tool calls. */
  readonly log: Pick<EventLog, 'append' | 'publish'>;
  /** The log of files that other programs change. */
  readonly fileLog: Pick<EventLog, 'append'>;
  readonly environment: NodeJS.ProcessEnv;
  /** The few variables that tools pass to programs. */
  readonly cleanEnvironment: Readonly<Record<string, string>>;
  readonly ownFiles: readonly string[];
  readonly trustedFiles: readonly string[];
  readonly stateFolder: string | undefined;
  readonly allow: readonly PermissionRule[];
  readonly deny: readonly PermissionRule[];
  readonly runLater: FilesThatRunLater;
  readonly marks: CallMarks;
  readonly sandbox: AgentSandboxOptions | undefined;
  readonly external: ExternalTools;
  readonly now: () => number;
  readonly watch: boolean;
  readonly warn: (message: string) => void;
}

export interface Space {
  readonly workspace: Workspace;
  readonly sandbox: Sandbox;
  readonly toolBox: ToolBox;
  readonly fileHistory: FileHistory;
  /** Brings a file to the state that an undo or redo wants. */
  readonly restore: RestoreFile;
  /** The workspace that events about files name; undefined for that of the server. */
  readonly shownWorkspace: string | undefined;
  /** Removes what a crash left, and watches the files. */
  startBackground(): void;
  close(): Promise<void>;
}

/** Opens a folder for tools. `bases`: see bases.ts. @throws Error if the folder cannot be used */
export function openSpaceFolder(
  { ownFiles, deny, environment }: Pick<SpaceOptions, 'ownFiles' | 'deny' | 'environment'>,
  folder: string,
  bases: readonly string[] = [''],
): Promise<Workspace> {
  return openWorkspace(folder, ownFiles, { denyRules: createFileDenyRules(deny, bases), environment });
}

export async function openSpace(
  options: SpaceOptions,
  workspace: Workspace,
  {
    bases = [''],
    isOther = false,
    beforeTools,
  }: {
    readonly bases?: readonly string[];
    /** True if it is not the server's own workspace: then events about its files name it. */
    readonly isOther?: boolean;
    /** Called before anything runs in the workspace. */
    readonly beforeTools?: (sandbox: Sandbox) => Promise<void>;
  } = {},
): Promise<Space> {
  const { log, environment, cleanEnvironment, ownFiles, marks, now, warn, store } = options;
  const { root } = workspace;
  const shownWorkspace = isOther ? root : undefined;
  const shown = shownWorkspace === undefined ? {} : { shownWorkspace };
  const ownFilesInside = isOther ? ownFiles.filter((entry) => !contains(withoutStar(entry), root)) : ownFiles;
  const sandbox = createSandbox({
    mode: options.sandbox === undefined ? 'off' : 'auto',
    network: false,
    ...options.sandbox,
    workspace: root,
    environment: cleanEnvironment,
    serverEnvironment: environment,
    hidden: ownFiles,
    marks,
    now,
  });
  await beforeTools?.(sandbox);
  const runLater = rebaseList(options.runLater, bases);
  const commandGuard = createCommandGuard({
    root,
    list: runLater,
    isAllowed: (path) => options.allow.some((rule) => allowsWriting(rule, path, runLater)),
    ownFiles: pathsInside(root, options.trustedFiles),
    stateFolder: options.stateFolder,
  });
  for (const { path, runBy } of await commandGuard.recover())
    warn(
      `removed ${path}: a command that a crash interrupted had created it, and ${runBy} would run it later`,
    );
  let watching: WorkspaceWatch | undefined;
  const holdFile = (path: string): ((version: string | undefined) => void) =>
    watching?.hold(path) ?? (() => undefined);
  const fileHistory = createFileHistory({
    store,
    workspace,
    ownFiles: ownFilesInside,
    environment,
    stateFolder: options.stateFolder,
    maxFileBytes: options.undoFileBytes,
    maxTotalBytes: options.undoTotalBytes,
    now,
    warn,
  });
  const restore = createRestore({
    store,
    workspace,
    place: fileHistory.place,
    maxFileBytes: options.undoFileBytes,
    now,
    holdFile,
    onRestored: (path) => commandGuard.noteWrite(path),
  });
  const toolBox = createToolBox({
    fileHistory,
    workspace,
    log,
    environment: cleanEnvironment,
    external: options.external,
    marks,
    runLater,
    commandGuard,
    ...(options.watch ? { holdFile } : {}),
    sandbox,
    ...shown,
  });
  const closing = new AbortController();
  let cleaning: Promise<unknown> | undefined;
  return {
    workspace,
    sandbox,
    toolBox,
    fileHistory,
    restore,
    shownWorkspace,
    startBackground() {
      if (closing.signal.aborted) return;
      cleaning = removeLeftovers({ root, signal: closing.signal }).catch((error: unknown) =>
        warn(`cannot look for temporary files of an earlier process: ${String(error)}`),
      );
      if (!options.watch) return;
      watching = watchWorkspace({
        root,
        except: ownFilesInside,
        environment,
        log: options.fileLog,
        warn,
        ...shown,
      });
    },
    async close() {
      closing.abort();
      await Promise.all([watching?.close(), cleaning, sandbox.settled(), fileHistory.close()]);
    },
  };
}

/** A folder of the server that contains the workspace hides nothing. */
function contains(folder: string, root: string): boolean {
  return pathsInside(folder, [root]).length > 0;
}
