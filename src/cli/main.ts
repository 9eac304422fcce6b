// `codebuddy`: finds the command, loads only its file, and turns errors into exit codes.

import { Command, CommanderError } from 'commander';
import { didYouMean } from '../base/did-you-mean.ts';
import { version } from '../base/version.ts';
import { exitCodes, report } from './exit-codes.ts';
import { withSuggestion } from './not-found.ts';
import { complain, print, wantJson } from './output.ts';
import { UsageError } from './usage-error.ts';
import { helpHint, usageErrorOf } from './usage-message.ts';

/** Adds the options, arguments, sub-commands and action of a command. */
type Define = (command: Command) => void;

const commands: Readonly<
  Record<string, { readonly description: string; readonly load: () => Promise<{ define: Define }> }>
> = {
  serve: { description: 'Start the server.', load: () => import('./serve.ts') },
  prompt: { description: 'Send a prompt and stream the answer.', load: () => import('./prompt.ts') },
  tools: { description: 'List and run tools.', load: () => import('./tools.ts') },
  runs: { description: 'List, show, cancel and resume runs.', load: () => import('./runs.ts') },
  permissions: {
    description: 'List, allow and deny pending permissions.',
    load: () => import('./permissions.ts'),
  },
  sessions: {
    description: 'List, show, fork, export and delete sessions.',
    load: () => import('./sessions.ts'),
  },
  events: { description: 'Follow the event log.', load: () => import('./events.ts') },
  webhooks: { description: 'Create, change, test and remove webhooks.', load: () => import('./webhooks.ts') },
  deliveries: {
    description: 'List, explain and retry webhook deliveries.',
    load: () => import('./deliveries.ts'),
  },
  status: { description: 'Show the status of the server.', load: () => import('./status.ts') },
  keys: { description: 'Create, list and revoke API keys.', load: () => import('./keys.ts') },
  nodes: { description: 'List the nodes that share the database.', load: () => import('./nodes.ts') },
  migrate: {
    description: 'Move the data of a SQLite home to a PostgreSQL database.',
    load: () => import('./migrate.ts'),
  },
  openapi: {
    description: 'Print the OpenAPI 3.1 document of the running server.',
    load: () => import('./openapi.ts'),
  },
  doctor: {
    description: 'Check this machine, the settings and the server.',
    load: () => import('./doctor.ts'),
  },
};

async function main(given: readonly string[]): Promise<number> {
  // `help serve` is `serve --help`, so that only the file of one command is loaded.
  const args = given[0] === 'help' && given[1] !== undefined ? [...given.slice(1), '--help'] : given;
  // Known before parsing, so that errors in the arguments are printed as JSON, too.
  const end = args.indexOf('--');
  if ((end === -1 ? args : args.slice(0, end)).includes('--json')) wantJson();
  const program = new Command('codebuddy')
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
  const wanted = args[0]?.startsWith('-') ? undefined : args[0];
  const chosen = wanted !== undefined && Object.hasOwn(commands, wanted) ? wanted : undefined;
  for (const [name, { description, load }] of Object.entries(commands)) {
    if (chosen !== undefined && name !== chosen) continue;
    const command = program.command(name).description(description);
    if (name === chosen) (await load()).define(command);
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

// The reader closed the pipe, as `| head` does. This is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.ok);
  throw error;
});

// A server must survive the end of its terminal.
process.stderr.on('error', () => undefined);

process.exitCode = await main(process.argv.slice(2));
