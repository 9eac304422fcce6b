// Runs git for the server. Neither hooks nor the configuration of a repository start programs: an agent may have
// written them. The user's own configuration applies.

import { execFile } from 'node:child_process';
import { createProgramFinder } from '../programs/program-finder.ts';

export interface Git {
  /** The output of a command, without the line break at its end. @throws GitError */
  run(cwd: string, args: readonly string[], options?: GitOptions): Promise<string>;
}

export interface GitOptions {
  /** In ms. @default 10_000 */
  readonly timeoutMs?: number;
  /** True if the command reads or writes files of the work tree: filters of the repository are switched off. */
  readonly filters?: boolean;
}

export class GitError extends Error {
  override readonly name = 'GitError';
  /** True if git is not installed. */
  readonly isMissing: boolean;
  constructor(message: string, { isMissing = false, cause }: { isMissing?: boolean; cause?: unknown } = {}) {
    super(message, { cause });
    this.isMissing = isMissing;
  }
}

const maxOutputBytes = 8 * 1024 * 1024;

/** Settings that win over those of the repository. */
const safeSettings: readonly string[] = [
  'core.fsmonitor=false',
  `core.hooksPath=${process.platform === 'win32' ? 'NUL' : '/dev/null'}`,
  'core.sshCommand=false',
  'core.askPass=',
  'core.editor=true',
  'core.untrackedCache=false',
  'credential.helper=',
  'protocol.allow=never',
  'commit.gpgSign=false',
  'gc.auto=0',
  'maintenance.auto=false',
  'submodule.recurse=false',
  'status.submoduleSummary=false',
  'diff.ignoreSubmodules=dirty',
  'log.showSignature=false',
  'safe.bareRepository=explicit',
];

/** `untrusted`: folders in which no git is looked up. */
export function createGit({
  environment,
  untrusted,
}: {
  readonly environment: Readonly<Record<string, string>>;
  readonly untrusted: readonly string[];
}): Git {
  const programs = createProgramFinder({ path: environment.PATH, untrusted });
  const env = {
    ...Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('GIT_'))),
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_NO_LAZY_FETCH: '1',
    GIT_PAGER: 'cat',
    LC_ALL: 'C',
  };

  function start(cwd: string, args: readonly string[], timeout: number): Promise<string> {
    const program = programs.findSystem('git');
    if (program === undefined)
      throw new GitError('git was not found outside of the workspace', { isMissing: true });
    return new Promise((resolve, reject) => {
      const options = { cwd, env, timeout, maxBuffer: maxOutputBytes, killSignal: 'SIGKILL' as const };
      execFile(program, args, options, (error, stdout, stderr) => {
        if (error === null) return resolve(stdout.replace(/\r?\n$/, ''));
        const said = stderr.trim().replace(/^fatal: /, '');
        const why = error.killed ? `did not end within ${timeout / 1000} s` : said || error.message;
        reject(
          new GitError(`git ${args.find((arg) => /^[a-z]/.test(arg) && !arg.includes('='))}: ${why}`, {
            cause: error,
          }),
        );
      });
    });
  }

  /** Switches off the filters that the repository itself defines. */
  async function filterSettings(cwd: string, timeoutMs: number): Promise<readonly string[]> {
    const listed = await start(
      cwd,
      ['config', '--null', '--show-scope', '--name-only', '--get-regexp', '^filter\\.'],
      timeoutMs,
    ).catch((error: unknown) => {
      // Status 1: there are none.
      if (
        error instanceof GitError &&
        error.cause instanceof Error &&
        'code' in error.cause &&
        error.cause.code === 1
      )
        return '';
      throw error;
    });
    const words = listed.split('\0');
    const names = new Set<string>();
    for (let at = 0; at + 1 < words.length; at += 2) {
      const [scope, key = ''] = [words[at], words[at + 1]];
      if (scope === 'local' || scope === 'worktree') names.add(key.slice(0, key.lastIndexOf('.')));
    }
    return [...names].flatMap((name) => [
      `${name}.clean=`,
      `${name}.smudge=`,
      `${name}.process=`,
      `${name}.required=false`,
    ]);
  }

  return {
    async run(cwd, args, { timeoutMs = 10_000, filters = false } = {}) {
      const settings = filters ? [...safeSettings, ...(await filterSettings(cwd, timeoutMs))] : safeSettings;
      return start(cwd, [...settings.flatMap((setting) => ['-c', setting]), ...args], timeoutMs);
    },
  };
}
