// `codebuddy runs`: the work on prompts, also of those that nobody waits for.

import type { Command } from 'commander';
import { cutHead } from '../base/text.ts';
import { type RunStatus, runStatuses } from '../contract/run.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { idOf, withId } from './id-argument.ts';
import { localTime } from './local-time.ts';
import { oneOf, pageLimit } from './option-values.ts';
import { oneLine, paint, print, printJson, printTable } from './output.ts';

interface ListOptions extends ConnectionOptions {
  readonly limit: number;
  readonly cursor?: string;
  readonly status?: RunStatus;
  readonly session?: string;
}

export function add(program: Command): void {
  const runs = program.command('runs').description('Lists runs, shows, cancels or resumes one.');
  withConnection(runs.command('list').description('Lists runs, newest first.'))
    .option('--limit <n>', '1 to 200', pageLimit, 50)
    .option('--cursor <cursor>', 'the nextCursor of the page before')
    .option(
      '--status <status>',
      `only those in this state: ${runStatuses.join(', ')}`,
      oneOf('--status', runStatuses),
    )
    .option('--session <id>', 'only those of this session', idOf('--session', 'ses'))
    .action(list);
  withConnection(withId(runs.command('show').description('Shows a run.'), 'run')).action(
    async (id: string, options: ConnectionOptions) => {
      await withClient(options, async (client, signal) => {
        const run = await client.runs.get(id, { signal });
        if (options.json) return printJson(run);
        for (const [name, value] of Object.entries(run)) {
          const text = typeof value === 'string' ? value : JSON.stringify(value);
          const shown = name.endsWith('At') ? localTime(text) : text;
          if (value !== null) print(`${name.padEnd(13)} ${oneLine(shown)}`);
        }
        if (run.status === 'interrupted' || run.status === 'failed')
          print(paint('dim', `go on with it: codebuddy runs resume ${run.id}`));
        if (run.status === 'waiting')
          print(paint('dim', 'it waits for a permission: codebuddy permissions list'));
      });
    },
  );
  withConnection(withId(runs.command('cancel').description('Stops a run and its tools.'), 'run')).action(
    async (id: string, options: ConnectionOptions) => {
      await withClient(options, async (client, signal) => {
        const run = await client.runs.cancel(id, { signal });
        if (options.json) printJson(run);
        else print(`${run.id} ${run.status}`);
      });
    },
  );
  withConnection(
    withId(runs.command('resume').description('Goes on with a run that was interrupted, or failed.'), 'run'),
  ).action(async (id: string, options: ConnectionOptions) => {
    await withClient(options, async (client, signal) => {
      const run = await client.runs.resume(id, { signal });
      if (options.json) printJson(run);
      else print(`${run.id} ${run.status}`);
    });
  });
}

async function list(options: ListOptions): Promise<void> {
  await withClient(options, async (client, signal) => {
    const { limit, cursor, status, session } = options;
    const query = {
      limit,
      ...(cursor === undefined ? {} : { cursor }),
      ...(session === undefined ? {} : { sessionId: session }),
      ...(status === undefined ? {} : { status }),
    };
    const answer = await client.runs.list(query, { signal });
    if (options.json) return printJson(answer);
    printTable(
      ['ID', 'CREATED', 'STATUS', 'MODEL', 'COST', 'PROMPT'],
      answer.runs.map(({ id, createdAt, status, model, cost, prompt }) => [
        id,
        localTime(createdAt),
        status,
        model ?? '-',
        cost === null ? '-' : `$${cost}`,
        cutHead(prompt, 60),
      ]),
    );
    if (answer.nextCursor) print(paint('dim', `more: --cursor ${answer.nextCursor}`));
  });
}
