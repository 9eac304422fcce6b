// `codebuddy init`: asks a few questions and writes the answers to config.json. Other fields stay unchanged.

import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { ownFile } from '../base/home-paths.ts';
import { editConfig, parseField } from '../config/edit-config.ts';
import { inspectSettings } from '../config/load-settings.ts';
import { type Flags, type Settings, SettingsError } from '../config/settings.ts';
import { permissionModes } from '../contract/permission-mode.ts';
import { sandboxModes } from '../contract/sandbox.ts';
import { exitCodes } from './exit-codes.ts';
import { ask, complain, oneLine, print, printJson } from './output.ts';
import { settingFlags, withSettings } from './setting-flags.ts';
import { findTerminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

interface InitOptions {
  readonly force?: boolean;
  readonly json?: boolean;
}

const fields = ['workspace', 'models', 'permissionMode', 'sandbox'] as const;

interface Question {
  readonly field: (typeof fields)[number];
  readonly text: string;
  /** The value that an empty answer keeps. */
  readonly preset: string;
}

type Context = Pick<Settings, 'home'> & { readonly cwd: string };

/** The fields to write. Other fields stay unchanged. */
type Answers = Record<string, unknown>;

export function define(init: Command): void {
  withSettings(init, ['home', ...fields])
    .description('Write config.json: asks a few questions, or takes the answers from flags.')
    .option('--force', 'change an existing config.json without asking; other fields stay unchanged')
    .option('--json', 'print JSON, errors included')
    .addHelpText(
      'after',
      `
Without a terminal, only the values of flags are written.

Examples:
  codebuddy init
  codebuddy init --model anthropic/claude-sonnet-5-5 --permission-mode auto-edit`,
    )
    .action(run);
}

async function run(options: InitOptions): Promise<void> {
  const flags = settingFlags(options);
  const { settings } = inspectSettings({ flags });
  const context = { home: settings.home, cwd: process.cwd() };
  const path = ownFile(settings.home, 'config.json');
  const given = answersOf(flags, context);
  const terminal = findTerminal();
  if (terminal === undefined) {
    if (Object.keys(given).length === 0)
      throw new UsageError(
        'There is no terminal to ask at. Use --workspace, --model, --permission-mode or --sandbox.',
      );
    if (existsSync(path) && !options.force)
      throw new UsageError(`${path} exists. Add --force to change these fields; the others stay unchanged.`);
  }
  const answers =
    terminal === undefined ? given : await askAll(terminal, { path, given, settings, context, options });
  if (terminal !== process.stdin) terminal?.destroy();
  if (answers === undefined) {
    complain('codebuddy: Nothing was written.');
    process.exitCode = exitCodes.failed;
    return;
  }
  editConfig(settings.home, answers);
  if (options.json) return printJson({ file: path, fields: answers });
  print(oneLine(`Wrote ${path}. To change it: codebuddy config. Next: codebuddy prompt 'list *.md'`));
}

function answersOf(flags: Flags, context: Context): Answers {
  return Object.fromEntries(
    fields.flatMap((field) => {
      const value = flags[field];
      return value === undefined ? [] : [[field, parseField(field, String(value), context)]];
    }),
  );
}

interface Asked {
  readonly path: string;
  readonly given: Answers;
  readonly settings: Settings;
  readonly context: Context;
  readonly options: InitOptions;
}

/** Returns undefined if the user stops with Ctrl-D, or does not want to change the file. */
async function askAll(
  terminal: NodeJS.ReadStream,
  { path, given, settings, context, options }: Asked,
): Promise<Answers | undefined> {
  const say = (text: string): Promise<string | undefined> =>
    ask(text, { input: terminal, signal: new AbortController().signal });
  if (existsSync(path) && !options.force) {
    const answer = await say(oneLine(`${path} exists. Change it? Other fields stay unchanged. [y/N] `));
    if (!/^y(es)?$/i.test((answer ?? '').trim())) return undefined;
  }
  const answers: Answers = { ...given };
  for (const { field, text, preset } of questionsFor(settings)) {
    if (Object.hasOwn(answers, field)) continue;
    for (;;) {
      const answer = (await say(oneLine(`${text} [${preset}] `)))?.trim();
      if (answer === undefined) return undefined;
      if (answer === '') break;
      try {
        answers[field] = parseField(field, answer, context);
        break;
      } catch (error) {
        if (!(error instanceof SettingsError)) throw error;
        complain(`  ${oneLine(error.message)}`);
      }
    }
  }
  return answers;
}

/** The presets are the current settings, so an empty answer changes nothing. */
function questionsFor({ models, permissionMode, sandbox, workspace }: Settings): readonly Question[] {
  return [
    {
      field: 'models',
      text: 'Model, as provider/name, or "offline"? Its API key comes from the environment, such as ANTHROPIC_API_KEY.',
      preset: models?.join(',') ?? 'chosen by the API keys and local models found',
    },
    {
      field: 'permissionMode',
      text: `Permission mode: ${permissionModes.join(', ')}?`,
      preset: permissionMode,
    },
    {
      field: 'sandbox',
      text: `Run commands in the sandbox: ${sandboxModes.join(', ')}?`,
      preset: sandbox,
    },
    {
      field: 'workspace',
      text: 'Workspace? Leave it empty to use the folder in which the server starts.',
      preset: workspace,
    },
  ];
}
