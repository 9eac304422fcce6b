// `codebuddy`: finds the command, loads only its file, turns errors into exit codes.

import { Command, CommanderError } from 'commander';
import { didYouMean } from '../base/did-you-mean.ts';
import { version } from '../base/version.ts';
import { exitCodes, report } from './exit-codes.ts';
import { withSuggestion } from './not-found.ts';
import { complain, print, wantJson } from './output.ts';
import { UsageError } from './usage-error.ts';
import { usageErrorOf } from './usage-message.ts';

/** Each file adds its command to the program. */
const commands: Readonly<
  Record<
    string,
    { readonly summary: string; readonly load: () => Promise<{ add: (program: Command) => void }> }
  >
> = {
  serve: { summary: 'start the server', load: () => import('./serve.ts') },
  prompt: { summary: 'send a prompt; the answer streams to the terminal', load: () => import('./prompt.ts') },
  tools: { summary: 'list tools, run one', load: () => import('./tools.ts') },
  runs: { summary: 'list, show, cancel and resume runs', load: () => import('./runs.ts') },
  permissions: {
    summary: 'tools that wait for you: list, allow, deny',
    load: () => import('./permissions.ts'),
  },
  sessions: { summary: 'list, show, fork, export and delete sessions', load: () => import('./sessions.ts') },
  events: { summary: 'follow the event log', load: () => import('./events.ts') },
  webhooks: {
    summary: 'send events to URLs: add, list, test, replay',
    load: () => import('./webhooks.ts'),
  },
  deliveries: {
    summary: 'what became of each event: list, explain, retry',
    load: () => import('./deliveries.ts'),
  },
  status: { summary: 'what the server is doing', load: () => import('./status.ts') },
  keys: { summary: 'create, list and revoke API keys', load: () => import('./keys.ts') },
  openapi: { summary: 'print the OpenAPI document', load: () => import('./openapi.ts') },
  doctor: { summary: 'check this machine, the settings and the server', load: () => import('./doctor.ts') },
};

async function main(given: readonly string[]): Promise<number> {
  // `help serve` is `serve --help`: only the file of one command is loaded.
  const args = given[0] === 'help' && given[1] !== undefined ? [...given.slice(1), '--help'] : given;
  // Known before anything is parsed: an error in the arguments is told as JSON, too.
  const end = args.indexOf('--');
  if ((end === -1 ? args : args.slice(0, end)).includes('--json')) wantJson();
  const program = new Command('codebuddy')
    .description('A coding agent behind a local HTTP API.')
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: print,
      writeErr: (text) => complain(text.trimEnd()),
      // Said by `report`, as all errors are.
      outputError: () => undefined,
    })
    .addHelpText(
      'after',
      `
Examples:
  codebuddy serve                        start the server in this folder
  codebuddy prompt 'list *.md'           ask; the local server and its key are found
  codebuddy events tail                  see everything that happens, as it happens

Exit codes: 0 ok, 1 failed, 2 usage, 3 server unreachable, 4 unauthorized, 5 a permission is needed`,
    );
  const wanted = args[0]?.startsWith('-') ? undefined : args[0];
  const chosen = wanted !== undefined && Object.hasOwn(commands, wanted) ? commands[wanted] : undefined;
  if (chosen !== undefined) (await chosen.load()).add(program);
  else
    for (const [name, { summary }] of Object.entries(commands))
      program.command(name).summary(summary).description(summary);
  for (const command of program.commands) inheritExit(command);
  let current: Command | undefined;
  program.hook('preAction', (_program, command) => {
    current = command;
  });

  try {
    if (chosen === undefined && wanted === undefined && args.length === 0) {
      program.outputHelp();
      return exitCodes.ok;
    }
    if (wanted !== undefined && wanted !== 'help' && chosen === undefined)
      throw new UsageError(
        `unknown command ${JSON.stringify(wanted)}${didYouMean(wanted, Object.keys(commands))}\ncodebuddy --help shows what there is`,
      );
    await program.parseAsync([...args], { from: 'user' });
    return Number(process.exitCode ?? exitCodes.ok);
  } catch (error) {
    if (!(error instanceof CommanderError)) return report(await withSuggestion(error, current));
    return error.exitCode === 0 ? exitCodes.ok : report(usageErrorOf(error, program, args));
  }
}

/** Sub-commands must not end the process by themselves either. */
function inheritExit(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) inheritExit(child);
}

// A reader that closed the pipe (`| head`) has seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.ok);
  throw error;
});

// A terminal that is gone must not end a server.
process.stderr.on('error', () => undefined);

process.exitCode = await main(process.argv.slice(2));
