// Reads a git configuration file far enough to say whether it makes git run something. Syntax that git itself does not
// write (continued lines, unusual headers) is not parsed and counts as doubtful.

/** One variable. `name` in lower case and without the subsection: `remote.url` for each remote. */
export interface GitVariable {
  readonly name: string;
  readonly value: string;
}

/**
 * Variables that neither make git run something nor lead it elsewhere. A list of the dangerous ones would never be
 * complete.
 */
const harmless: ReadonlySet<string> = new Set([
  ...[
    'repositoryformatversion',
    'filemode',
    'bare',
    'logallrefupdates',
    'ignorecase',
    'precomposeunicode',
  ].map((key) => `core.${key}`),
  ...['symlinks', 'autocrlf', 'safecrlf', 'eol', 'quotepath', 'abbrev', 'protecthfs', 'protectntfs'].map(
    (key) => `core.${key}`,
  ),
  ...['url', 'fetch', 'pushurl', 'tagopt', 'prune'].map((key) => `remote.${key}`),
  ...['remote', 'merge', 'rebase', 'pushremote', 'description'].map((key) => `branch.${key}`),
  ...['url', 'active', 'branch', 'path'].map((key) => `submodule.${key}`),
  ...['objectformat', 'refstorage', 'noop', 'worktreeconfig'].map((key) => `extensions.${key}`),
  ...['user.name', 'user.email', 'init.defaultbranch', 'gc.auto', 'pull.rebase', 'pull.ff', 'push.default'],
  ...['push.autosetupremote', 'fetch.prune', 'commit.gpgsign', 'tag.gpgsign', 'merge.conflictstyle'],
  ...['receive.denycurrentbranch', 'lfs.repositoryformatversion'],
]);

/** Undefined if the text cannot be parsed. */
export function parseGitConfig(text: string): readonly GitVariable[] | undefined {
  const variables: GitVariable[] = [];
  let section: string | undefined;
  for (const raw of text.replace(/^\ufeff/, '').split('\n')) {
    let line = raw.trim();
    if (line.endsWith('\\')) return undefined;
    while (line.startsWith('[')) {
      const header = /^\[([A-Za-z0-9-]+)(?: "(?:[^"\\]|\\.)*")?\]/.exec(line);
      if (header === null) return undefined;
      section = (header[1] as string).toLowerCase();
      line = line.slice(header[0].length).trim();
    }
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    const [key = '', ...value] = line.split('=');
    if (section === undefined || !/^[A-Za-z][A-Za-z0-9-]*$/.test(key.trim())) return undefined;
    variables.push({ name: `${section}.${key.trim().toLowerCase()}`, value: value.join('=').trim() });
  }
  return variables;
}

/** Variables that are not known to be harmless; `?` if the text cannot be parsed. */
export function doubtfulVariables(text: string): readonly string[] {
  const variables = parseGitConfig(text);
  if (variables === undefined) return ['?'];
  return [...new Set(variables.map(({ name }) => name).filter((name) => !harmless.has(name)))];
}

/** The hooks folder that a configuration sets; undefined for the default. */
export function hooksPathIn(text: string): string | undefined {
  const value = parseGitConfig(text)?.findLast(({ name }) => name === 'core.hookspath')?.value;
  return value === undefined || value === '' ? undefined : value.replace(/^"(.*)"$/, '$1');
}
