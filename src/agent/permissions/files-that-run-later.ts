// Files that other programs run later, outside the sandbox and without a question: hooks, editor tasks, CI jobs, the settings of package
// managers and of other agents. Whoever writes them decides what the user runs next.
//
// A pattern without `/` stands for the name in any folder, as one that begins with `**/` does; others are relative to the workspace. Each also
// covers what is below. Letter case and Unicode form never matter: on macOS and Windows they name the same file.

import { withoutTrailing } from '../../base/without-trailing.ts';
import { compileGlob } from '../tools/glob-pattern.ts';
import { patternWords } from './pattern-words.ts';

/**
 * `ask`: a write needs a permission in every mode but `full`, and the sandbox lets no command write it. `ask-only`: the same for file tools;
 * commands may write it, since installing packages does. `tell`: by design part of the project; a command's result names those that it changed.
 */
export type RunLaterKind = 'ask' | 'ask-only' | 'tell';

export interface RunLater {
  readonly patterns: readonly string[];
  readonly kind: RunLaterKind;
  /** Ends "it is run by ...". */
  readonly runBy: string;
}

export const runLaterTable: readonly RunLater[] = [
  {
    kind: 'ask',
    runBy: 'git (hooks, and programs named by its configuration)',
    patterns: ['.git', 'git~1', '.gitmodules', '.githooks/**', '.husky/**', '.lfsconfig'],
  },
  { kind: 'ask', runBy: 'other version control systems', patterns: ['**/.hg/hgrc', '.jj'] },
  {
    kind: 'ask',
    runBy: 'npm, yarn, pnpm and bun (scripts, plug-ins, registries)',
    patterns: [
      '.npmrc',
      '.yarnrc',
      '.yarnrc.yml',
      '.pnpmfile.cjs',
      '.pnpmfile.mjs',
      '**/.yarn/releases/**',
      '**/.yarn/plugins/**',
      'bunfig.toml',
    ],
  },
  {
    kind: 'ask',
    runBy: 'the shell, or a version manager, on entering the folder',
    patterns: [
      '.envrc',
      'mise.toml',
      '.mise.toml',
      '.mise',
      '**/mise/config.toml',
      '**/.config/mise/**',
      '.tool-versions',
      '.autoenv',
      '.autoenv.zsh',
    ],
  },
  {
    kind: 'ask',
    runBy: 'editors (tasks, settings that name programs)',
    patterns: [
      '.vscode',
      '.idea',
      '.fleet',
      '.zed',
      '.nova',
      '*.code-workspace',
      '.exrc',
      '.nvimrc',
      '.nvim.lua',
      '.vimrc',
      '.dir-locals.el',
      '*.sublime-project',
      '.devcontainer',
      '.devcontainer.json',
    ],
  },
  {
    kind: 'ask',
    runBy: 'agents (MCP servers, hooks, permissions)',
    patterns: [
      '.mcp.json',
      '.cursor',
      '.claude',
      '.claude.json',
      '.codex',
      '.gemini',
      '.opencode',
      'opencode.json',
      'opencode.jsonc',
      '.windsurf',
      '.amazonq',
      '.kiro',
      '.continue',
      '.aider.conf.yml',
      '.codebuddy',
    ],
  },
  {
    kind: 'ask',
    runBy: 'CI, with its secrets',
    patterns: [
      '.github/workflows/**',
      '.github/actions/**',
      '.gitea/workflows/**',
      '.forgejo/workflows/**',
      '.gitlab-ci.yml',
      '.gitlab/ci/**',
      '.circleci/**',
      'azure-pipelines.yml',
      'azure-pipelines.yaml',
      '.azure-pipelines/**',
      'Jenkinsfile',
      'bitbucket-pipelines.yml',
      '.travis.yml',
      '.drone.yml',
      '.woodpecker.yml',
      '.woodpecker/**',
      '.buildkite/**',
      'appveyor.yml',
      '.appveyor.yml',
      '.cirrus.yml',
      '.teamcity/**',
    ],
  },
  {
    kind: 'ask',
    runBy: 'git, through a hook manager, at the next commit or push',
    patterns: [
      '.pre-commit-config.yaml',
      '.pre-commit-config.yml',
      'lefthook.yml',
      'lefthook.yaml',
      '.lefthook.yml',
      '.lefthook.yaml',
      'lefthook-local.yml',
      '.lefthook',
      '.lintstagedrc*',
      'lint-staged.config.*',
      '.simple-git-hooks.*',
      '.overcommit.yml',
    ],
  },
  {
    kind: 'ask',
    runBy: 'the shell, ssh or a login, where the workspace is a home folder',
    patterns: [
      '.bashrc',
      '.bash_profile',
      '.bash_login',
      '.bash_logout',
      '.bash_aliases',
      '.profile',
      '.zshrc',
      '.zshenv',
      '.zprofile',
      '.zlogin',
      '.zlogout',
      '.inputrc',
      '.gitconfig',
      '.ssh/**',
      '.config/git/**',
      '.config/fish/**',
      '.config/autostart/**',
      '.config/systemd/**',
      '.local/bin/**',
      'Library/LaunchAgents/**',
      '.pypirc',
      '.netrc',
      '.gdbinit',
      '.lldbinit',
    ],
  },
  {
    kind: 'ask-only',
    runBy: 'whatever runs or imports installed packages',
    patterns: [
      'node_modules',
      '.venv',
      '**/venv/bin/**',
      '.direnv',
      '*.pth',
      'sitecustomize.py',
      'usercustomize.py',
    ],
  },
  {
    kind: 'tell',
    runBy: 'npm, yarn, pnpm and bun (scripts and dependencies)',
    patterns: [
      'package.json',
      'package-lock.json',
      'npm-shrinkwrap.json',
      'yarn.lock',
      'pnpm-lock.yaml',
      'pnpm-workspace.yaml',
      'bun.lock',
      'bun.lockb',
      'deno.json',
      'deno.jsonc',
    ],
  },
  {
    kind: 'tell',
    runBy: 'the next build or test',
    patterns: [
      'Makefile',
      'GNUmakefile',
      '*.mk',
      'CMakeLists.txt',
      'justfile',
      'Taskfile.yml',
      'Taskfile.yaml',
      'Rakefile',
      'build.rs',
      '**/.cargo/config',
      '**/.cargo/config.toml',
      'Cargo.toml',
      'go.mod',
      'setup.py',
      'setup.cfg',
      'pyproject.toml',
      'conftest.py',
      'tox.ini',
      'noxfile.py',
      'Gemfile',
      '*.gemspec',
      'composer.json',
      'build.gradle',
      'build.gradle.kts',
      'settings.gradle',
      'settings.gradle.kts',
      'gradlew',
      'gradlew.bat',
      'gradle-wrapper.properties',
      'mvnw',
      'pom.xml',
      'BUILD.bazel',
      'MODULE.bazel',
      '.bazelrc',
      'CMakePresets.json',
      'Directory.Build.props',
      'Directory.Build.targets',
    ],
  },
  {
    kind: 'tell',
    runBy: 'the tool that it configures',
    patterns: [
      '*.config.js',
      '*.config.cjs',
      '*.config.mjs',
      '*.config.ts',
      '*.config.mts',
      '*.config.cts',
      '.eslintrc.js',
      '.eslintrc.cjs',
      '.prettierrc.js',
      '.prettierrc.cjs',
      '.prettierrc.mjs',
      '.babelrc.js',
      '.babelrc.cjs',
      'Gruntfile.js',
      'gulpfile.js',
      'gulpfile.mjs',
      '.mocharc.js',
      '.mocharc.cjs',
    ],
  },
  {
    kind: 'tell',
    runBy: 'docker',
    patterns: [
      'Dockerfile',
      'Dockerfile.*',
      '*.dockerfile',
      'compose.yml',
      'compose.yaml',
      'docker-compose*.yml',
      'docker-compose*.yaml',
      'Containerfile',
      'Procfile',
    ],
  },
  {
    kind: 'tell',
    runBy: 'git, with filters and drivers that are set up already',
    patterns: ['.gitattributes'],
  },
  {
    kind: 'tell',
    runBy: 'the next agent, as instructions',
    patterns: [
      'AGENTS.md',
      'AGENTS.override.md',
      'CLAUDE.md',
      'CLAUDE.local.md',
      'GEMINI.md',
      '.cursorrules',
      '.windsurfrules',
      'copilot-instructions.md',
      '.python-version',
      '.nvmrc',
      '.node-version',
      '.ruby-version',
    ],
  },
];

/** A file of the list; `top` is the file itself, or the folder of the list that it is in. */
export interface RunLaterMatch {
  readonly kind: RunLaterKind;
  readonly runBy: string;
  readonly top: string;
}

export interface FilesThatRunLater {
  /** `path`: relative to the workspace, with `/`. Undefined for what nobody runs by itself. */
  match(path: string): RunLaterMatch | undefined;
  /** The same for this path alone, whatever its folders are. */
  matchExactly(path: string): Pick<RunLater, 'kind' | 'runBy'> | undefined;
  /** True if a rule's pattern names a file of the list, or its folder, by its own words: `.git/**` does, `**` and `src/**` do not. */
  isNamedBy(pattern: string): boolean;
}

/** `extra`: patterns of the settings, of the kind `ask`. @throws CodeBuddyError `validation_failed` naming what is no pattern */
export function createFilesThatRunLater(extra: readonly string[] = []): FilesThatRunLater {
  const names = new Map<string, RunLater>();
  const paths = new Map<string, RunLater>();
  const others: { readonly fits: (path: string, name: string) => boolean; readonly entry: RunLater }[] = [];

  function add(pattern: string, entry: RunLater): void {
    const folded = fold(pattern.replace(/^\.?\//, '').replace(/\/(?:\*\*)?$/, ''));
    const isAnchored = /[^/]\/./.test(pattern) && !pattern.startsWith('**/');
    const inner = folded.replace(/^\*\*\//, '');
    const isLiteral = !/[*?[\]{}\\]/.test(inner);
    if (isLiteral && isAnchored) paths.set(inner, stricter(paths.get(inner), entry) ?? entry);
    else if (isLiteral && !inner.includes('/')) names.set(inner, stricter(names.get(inner), entry) ?? entry);
    else if (isLiteral) others.push({ entry, fits: (path) => path === inner || path.endsWith(`/${inner}`) });
    else if (!inner.includes('/') && !isAnchored && /^[^*?[\]{}\\]*\*[^*?[\]{}\\]*$/.test(inner)) {
      // One `*` in a name, as nearly all have it: each file of the workspace is held against these.
      const [start = '', end = ''] = inner.split('*');
      const least = start.length + end.length;
      others.push({
        entry,
        fits: (_, name) => name.length >= least && name.startsWith(start) && name.endsWith(end),
      });
    } else {
      const fits = compileGlob(isAnchored ? `/${folded}` : folded);
      others.push({ entry, fits: (path) => fits(path) });
    }
  }

  const own: RunLater = { kind: 'ask', runBy: 'what the setting protectedPaths is about', patterns: extra };
  for (const entry of [own, ...runLaterTable]) for (const pattern of entry.patterns) add(pattern, entry);

  /** The strictest entry that names exactly this path, folded already. Asked for each file of the workspace. */
  function entryOf(path: string): RunLater | undefined {
    const name = path.slice(path.lastIndexOf('/') + 1);
    let best = stricter(names.get(name), paths.get(path));
    for (const { fits, entry } of others)
      if (best?.kind !== 'ask' && fits(path, name)) best = stricter(best, entry);
    return best;
  }

  function match(path: string): RunLaterMatch | undefined {
    const segments = path.split('/');
    let folded = '';
    let entry: RunLater | undefined;
    for (const [index, segment] of segments.entries()) {
      folded = index === 0 ? fold(segment) : `${folded}/${fold(segment)}`;
      entry = entryOf(folded);
      // A folder that is named like a file that is only told does not hide what is in it.
      if (entry !== undefined && entry.kind !== 'tell')
        return { kind: entry.kind, runBy: entry.runBy, top: segments.slice(0, index + 1).join('/') };
    }
    return entry === undefined ? undefined : { kind: entry.kind, runBy: entry.runBy, top: path };
  }

  return {
    match,
    matchExactly: (path) => entryOf(fold(path)),
    isNamedBy(pattern) {
      // What a wildcard stands for is nobody's word.
      const words = patternWords(pattern.replace(/^\.?\//, ''));
      const found = match(words);
      return found !== undefined && found.kind !== 'tell';
    },
  };
}

const strictness: Readonly<Record<RunLaterKind, number>> = { tell: 0, 'ask-only': 1, ask: 2 };

function stricter(left: RunLater | undefined, right: RunLater | undefined): RunLater | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  return strictness[right.kind] > strictness[left.kind] ? right : left;
}

/**
 * One spelling for all names of a file: letter case (also ſ and K), Unicode form, code points that HFS+ ignores, and the dots, blanks and
 * stream names at a name's end that Windows ignores.
 */
function fold(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: plain ASCII needs no more than lower case.
  if (/^[\x00-\x7f]*$/.test(text) && !/[:. ]$|[:. ]\/|:/.test(text)) return text.toLowerCase();
  return text
    .normalize('NFC')
    .replace(/[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g, '')
    .toUpperCase()
    .toLowerCase()
    .normalize('NFC')
    .split('/')
    .map((segment) => withoutTrailing(segment.split(':', 1)[0] ?? '', '. ') || segment)
    .join('/');
}
