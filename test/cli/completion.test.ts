// `codebuddy completion`: the scripts of the real program, in the shells that are installed.

import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commands } from '../../src/cli/commands.ts';
import { Flag } from '../../src/cli/flag.ts';
import { loadTree } from '../../src/cli/program.ts';
import { program } from '../program.ts';
import { isInstalled } from '../run-program.ts';
import { run, temporaryFolder } from './run-cli.ts';

const shells = ['bash', 'zsh', 'fish'] as const;

interface Place {
  readonly path: string;
  readonly command: Command;
}

/** Every command with the words that run it. */
async function allPlaces(): Promise<readonly Place[]> {
  const below = (command: Command, path: string): Place[] => [
    { path, command },
    ...command.commands.flatMap((child) => below(child, `${path} ${child.name()}`)),
  ];
  return below(await loadTree(commands), 'codebuddy');
}

/** `--flag` and `-f` of each option that the help shows. */
function flagsOf(command: Command): readonly string[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ short, long }) => [short, long].filter((name) => name != null));
}

function wordsOf(command: Command): readonly string[] {
  return command.commands.flatMap((child) => [child.name(), ...child.aliases()]);
}

const printed = new Map<string, string>();
let places: readonly Place[] = [];

const sharedHome = mkdtempSync(join(tmpdir(), 'codebuddy-completion-'));
afterAll(() => rmSync(sharedHome, { recursive: true, force: true }));

beforeAll(async () => {
  places = await allPlaces();
  for (const shell of shells) {
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, 'completion', shell], {
      encoding: 'utf8',
      env: { ...process.env, CODEBUDDY_HOME: sharedHome },
    });
    if (status !== 0) throw new Error(stderr);
    printed.set(shell, stdout);
  }
});

const scriptOf = (shell: (typeof shells)[number]): string => printed.get(shell) ?? '';

/** The line of the script that starts with a text, and those that continue it. */
function partOf(script: string, start: string, end: string): string {
  const from = script.indexOf(start);
  if (from < 0) throw new Error(`There is no ${start}`);
  return script.slice(from, script.indexOf(end, from + start.length));
}

test('the tree has every command, the flags of serve included', () => {
  expect(places.length).toBeGreaterThan(45);
  const serve = places.find(({ path }) => path === 'codebuddy serve')?.command;
  expect(serve && flagsOf(serve)).toEqual(
    expect.arrayContaining(['--port', '--sandbox', '--json', '--help']),
  );
});

describe('bash', () => {
  /** What bash would offer for each command line, whose last word is being typed. */
  function complete(lines: readonly (readonly string[])[], cwd = '/'): readonly (readonly string[])[] {
    const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
    const folder = temporaryFolder();
    const file = join(folder, 'codebuddy.bash');
    writeFileSync(file, scriptOf('bash'));
    const calls = lines.map(
      (words) => `COMP_WORDS=(${words.map(quoted).join(' ')}); COMP_CWORD=${words.length - 1}; ask`,
    );
    // The name of the function is that which `complete` registered.
    const source = `set -u; source ${quoted(file)}
      name=$(complete -p codebuddy | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
      ask() { COMPREPLY=(); $name; echo "\${COMPREPLY[*]-}"; }\n${calls.join('\n')}`;
    const { status, stdout, stderr } = spawnSync('bash', ['--norc', '-s'], {
      input: source,
      encoding: 'utf8',
      cwd,
    });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    return stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => (line === '' ? [] : line.split(' ')));
  }

  test('every command offers its sub-commands and its options', () => {
    const answers = complete(
      places.flatMap(({ path }) => [
        [...path.split(' '), ''],
        [...path.split(' '), '-'],
      ]),
    );
    for (const [index, { path, command }] of places.entries()) {
      const [offered = [], options = []] = answers.slice(2 * index, 2 * index + 2);
      if (command.commands.length > 0) expect(offered, path).toEqual([...wordsOf(command), 'help']);
      expect(options, path).toEqual(flagsOf(command));
    }
  });

  test('every flag with fixed values offers them', () => {
    const flags = places.flatMap(({ path, command }) =>
      command.options.flatMap((option) =>
        option instanceof Flag && option.words.length > 0 ? [{ path, option }] : [],
      ),
    );
    const names = flags.map(({ path, option }) => `${path} ${option.long}`);
    expect(names).toEqual(
      expect.arrayContaining([
        ...['codebuddy serve --sandbox', 'codebuddy serve --permission-mode', 'codebuddy serve --log-level'],
        ...[
          'codebuddy prompt --output-format',
          'codebuddy runs list --status',
          'codebuddy keys create --scope',
        ],
        ...['codebuddy sessions export --format', 'codebuddy events tail --type'],
      ]),
    );
    const answers = complete(flags.map(({ path, option }) => [...path.split(' '), `${option.long}`, '']));
    for (const [index, { path, option }] of flags.entries())
      expect(answers[index], path).toEqual(option.words.map((word) => word.replaceAll('*', '\\*')));
  });

  test.each([
    [['runs', 'list', '--status', 'w'], ['waiting']],
    // bash splits words at the =.
    [['runs', 'list', '--status', '=', 'ca'], ['cancelled']],
    [['runs', 'list', '--limit', '=', '5', '--status', 'fa'], ['failed']],
    // The value of a flag is not a command.
    [['runs', '--url', 'list', 'res'], []],
    [['serve', '--cors', '--log-l'], ['--log-level']],
    [['webhooks', 'add', 'http://x', '--unsig'], ['--unsigned']],
    [['runs', 'show', '--', '--'], []],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['completion', 'bash', ''], []],
    [['config', 'get', 'cont'], ['contextWindow']],
    [['help', 'sess'], ['sessions']],
    [['unknown', ''], []],
  ])('codebuddy %j', (words, offered) => {
    expect(complete([['codebuddy', ...words]])).toEqual([offered]);
  });

  test('files and folders are offered where a flag or an argument takes one, and nowhere else', () => {
    const cwd = temporaryFolder();
    mkdirSync(join(cwd, 'a folder'));
    writeFileSync(join(cwd, 'a-file.txt'), '');
    const [output = [], home = [], id = [], imported = []] = complete(
      [
        ['codebuddy', 'sessions', 'export', 'x', '--output', 'a'],
        ['codebuddy', 'serve', '--home', 'a'],
        ['codebuddy', 'runs', 'show', 'a'],
        ['codebuddy', 'webhooks', 'import', 'a-'],
      ],
      cwd,
    );
    expect(output.join(' ').split(' ').sort()).toEqual(['a', 'a-file.txt', 'api', 'folder']);
    expect(home.join(' ').split(' ').sort()).toEqual(['a', 'api', 'folder']);
    expect(id).toEqual([]);
    expect(imported).toEqual(['a-file.txt']);
  });

  test('as the help says: source <(codebuddy completion bash)', async () => {
    const home = temporaryFolder();
    mkdirSync(join(home, 'bin'));
    const command = join(home, 'bin/codebuddy');
    writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`);
    chmodSync(command, 0o755);
    const { stdout: help } = await run(home, ['completion', '--help']);
    const lines = help.match(/source <\(codebuddy completion bash\)|eval "\$\(codebuddy completion bash\)"/g);
    expect(lines).toHaveLength(2);
    for (const line of lines ?? []) {
      const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', `${line}; complete -p codebuddy`], {
        encoding: 'utf8',
        env: { PATH: [join(home, 'bin'), process.env.PATH].join(delimiter), CODEBUDDY_HOME: home },
      });
      expect(stdout, stderr).toBe('complete -F _codebuddy codebuddy\n');
    }
  });
});

describe('zsh', () => {
  test('every command offers its sub-commands and its options', () => {
    const script = scriptOf('zsh');
    for (const { path, command } of places) {
      const part = partOf(script, `\n__${path.replaceAll(/[ -]/g, '_')}_arguments() {`, '\n}\n');
      for (const flag of flagsOf(command)) {
        const spec = new RegExp(`^ +'(\\*|\\([^)]*\\))?${flag}(=-?)?\\[.+\\](::? :.+)?' ?\\\\?$`, 'm');
        expect(part, `${path} ${flag}`).toMatch(spec);
      }
      for (const word of wordsOf(command)) expect(part, path).toContain(`    '${word}:`);
      for (const child of command.commands)
        expect(part).toMatch(
          new RegExp(`[ |]${child.name()}[|)].*__${`${path} ${child.name()}`.replaceAll(/[ -]/g, '_')}_`),
        );
    }
  });

  test('the arguments of `_arguments` follow each other without a gap', () => {
    const script = scriptOf('zsh');
    expect(script).toContain("__codebuddy_help_arguments() {\n  _arguments \\\n    '1: :(serve prompt ");
    for (const [, next] of script.matchAll(/ \\\n(.*)\n/g)) expect(next).toMatch(/^ {4}'/);
  });
});

describe('fish', () => {
  test('every command offers its sub-commands and its options', () => {
    const lines = scriptOf('fish').split('\n');
    for (const { path, command } of places) {
      const here = lines.filter((line) =>
        line.startsWith(`complete -c codebuddy -n '__codebuddy_at \\'${path}\\''`),
      );
      for (const flag of flagsOf(command)) {
        const option = flag.startsWith('--') ? ` -l ${flag.slice(2)} ` : ` -s ${flag.slice(1)} `;
        expect(
          here.filter((line) => line.includes(option)),
          `${path} ${flag}`,
        ).toHaveLength(1);
      }
      for (const word of wordsOf(command))
        expect(lines).toContainEqual(
          expect.stringContaining(`'__codebuddy_at_argument \\'${path}\\' 0' -a ${word} -d `),
        );
    }
  });
});

describe.each(shells)('%s itself', (shell) => {
  const isHere = isInstalled(shell);
  if (!isHere) console.warn(`${shell} is not installed: it did not check its completion script`);

  test.skipIf(!isHere)('accepts the script', () => {
    const file = join(temporaryFolder(), 'script');
    writeFileSync(file, scriptOf(shell));
    const { status, stderr } = spawnSync(shell, ['-n', file], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  test.skipIf(!isHere || shell !== 'fish')('offers what the script says', () => {
    const file = join(temporaryFolder(), 'script');
    writeFileSync(file, scriptOf(shell));
    const { stdout } = spawnSync(
      shell,
      ['--no-config', '-c', `source ${file}; complete -C 'codebuddy runs list --status '`],
      { encoding: 'utf8' },
    );
    expect(stdout.split('\n').map((line) => line.split('\t')[0])).toContain('waiting');
  });
});

test('another shell is refused with the known ones, and --json prints the script as JSON', async () => {
  const home = temporaryFolder();
  const refused = await run(home, ['completion', 'bsh']);
  expect(refused).toMatchObject({ code: 2, stdout: '' });
  expect(refused.stderr).toContain('<shell> must be one of bash, zsh, fish, not "bsh"; did you mean "bash"?');
  const { stdout } = await run(home, ['completion', 'fish', '--json']);
  expect(JSON.parse(stdout)).toEqual({ shell: 'fish', script: scriptOf('fish') });
});
