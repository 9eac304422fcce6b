// Runs a command line: finds the command, loads only its file, and turns errors into exit codes.

import { Command, CommanderError } from 'commander';
import { didYouMean } from '../base/did-you-mean.ts';
import { version } from '../base/version.ts';
import { exitCodes, report } from './exit-codes.ts';
import { withSuggestion } from './not-found.ts';
import { complain, print, wantJson } from './output.ts';
import { asksForJson } from './output-format.ts';
import { UsageError } from './usage-error.ts';
import { helpHint, usageErrorOf } from './usage-message.ts';

/** Resolves to the program with all commands, sub-commands and options. */
export type LoadTree = () => Promise<Command>;

/** Adds the options, arguments, sub-commands and action of a command, which may look at the whole program. */
type Define = (command: Command, loadTree: LoadTree) => void;

interface CommandEntry {
  readonly description: string;
  readonly load: () => Promise<{ define: Define }>;
  /** Loads the flags without the action, which may be in another bundle. @default `load` */
  readonly loadFlags?: () => Promise<{ define: Define }>;
}

/** The commands by name. */
export type Commands = Readonly<Record<string, CommandEntry>>;

/** Runs the command line of this process and sets its exit code. */
export async function runProgram(commands: Commands): Promise<void> {
  // The reader closed the pipe, as `| head` does. This is not an error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCodes.ok);
    throw error;
  });
  // A server must survive the end of its terminal.
  process.stderr.on('error', () => undefined);
  process.exitCode = await run(process.argv.slice(2), commands);
}

async function run(given: readonly string[], commands: Commands): Promise<number> {
  // `help serve` is `serve --help`, so that only the file of one command is loaded.
  const args = given[0] === 'help' && given[1] !== undefined ? [...given.slice(1), '--help'] : given;
  if (asksForJson(args)) wantJson();
  const program = createRoot();
  const wanted = args[0]?.startsWith('-') ? undefined : args[0];
  const chosen = wanted !== undefined && Object.hasOwn(commands, wanted) ? wanted : undefined;
  for (const [name, { description, load }] of Object.entries(commands)) {
    if (chosen !== undefined && name !== chosen) continue;
    const command = program.command(name).description(description);
    if (name === chosen) (await load()).define(command, () => loadTree(commands));
    inheritExit(command);
  }
  let current: Command | undefined;
  program.hook('preAction', (_program, command) => {
    current = command;
  });

  try {
    if (args.length === 0) {
      program.outputHelp();
      return exitCodes.ok;
    }
    if (wanted !== undefined && wanted !== 'help' && chosen === undefined)
      throw new UsageError(
        `Unknown command ${JSON.stringify(wanted)}${didYouMean(wanted, Object.keys(commands)) || '.'}\n${helpHint('codebuddy')}`,
      );
    await program.parseAsync([...args], { from: 'user' });
    return Number(process.exitCode ?? exitCodes.ok);
  } catch (error) {
    if (!(error instanceof CommanderError)) return report(await withSuggestion(error, current), current);
    return error.exitCode === 0 ? exitCodes.ok : report(usageErrorOf(error, program, args));
  }
}

/** Sub-commands must not end the process themselves either. */
function inheritExit(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) inheritExit(child);
}

/** The program without its commands. */
function createRoot(): Command {
  return new Command('codebuddy')
    .description('A coding agent behind a local HTTP API.')
    .version(version, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'Show help for a command.')
    .exitOverride()
    .configureOutput({
      writeOut: print,
      writeErr: (text) => complain(text.trimEnd()),
      // `report` prints all errors.
      outputError: () => undefined,
    })
    .addHelpText(
      'after',
      `
Examples:
  codebuddy serve                        start the server in this folder
  codebuddy prompt 'list *.md'           send a prompt; the local server and its key are found
  codebuddy events tail                  show events as they happen

Exit codes: 0 success, 1 failure, 2 invalid usage, 3 server unreachable, 4 unauthorized, 5 permission required`,
    );
}

/** The program with all commands, sub-commands and options. */
export async function loadTree(commands: Commands): Promise<Command> {
  const program = createRoot();
  for (const [name, { description, load, loadFlags = load }] of Object.entries(commands))
    (await loadFlags()).define(program.command(name).description(description), () => loadTree(commands));
  return program;
}
