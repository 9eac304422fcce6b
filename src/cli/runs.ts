// `codebuddy runs`: the work on prompts, also of those that nobody waits for.

import type { Command } from 'commander';
import { cutHead } from '../text.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { oneLine, print, printJson, printTable } from './output.ts';

export function add(program: Command): void {
  const runs = program.command('runs').description('Lists runs, shows, cancels or resumes one.');
  withConnection(runs.command('list').description('Lists runs, newest first.'))
    .option('--limit <n>', '1 to 200', '50')
    .option('--status <status>', 'only those in this state, as waiting or interrupted')
    .option('--session <id>', 'only those of this session')
    .action(async (options: ConnectionOptions & { limit: string; status?: string; session?: string }) => {
      await withClient(options, async (client, signal) => {
        const query = {
          limit: Number(options.limit),
          ...(options.session === undefined ? {} : { sessionId: options.session }),
          // The server checks the word and names the right ones.
          ...(options.status === undefined ? {} : { status: options.status as 'running' }),
        };
        const answer = await client.runs.list(query, { signal });
        if (options.json) return printJson(answer);
        printTable(
          ['ID', 'CREATED', 'STATUS', 'MODEL', 'COST', 'PROMPT'],
          answer.runs.map(({ id, createdAt, status, model, cost, prompt }) => [
            id,
            createdAt,
            status,
            model ?? '-',
            cost === null ? '-' : `$${cost}`,
            cutHead(prompt, 60),
          ]),
        );
      });
    });
  withConnection(runs.command('show').description('Shows a run.').argument('<id>')).action(
    async (id: string, options: ConnectionOptions) => {
      await withClient(options, async (client, signal) => {
        const run = await client.runs.get(id, { signal });
        if (options.json) return printJson(run);
        for (const [name, value] of Object.entries(run)) {
          const text = typeof value === 'string' ? value : JSON.stringify(value);
          if (value !== null) print(`${name.padEnd(13)} ${oneLine(text)}`);
        }
      });
    },
  );
  withConnection(runs.command('cancel').description('Stops a run and its tools.').argument('<id>')).action(
    async (id: string, options: ConnectionOptions) => {
      await withClient(options, async (client, signal) => {
        const run = await client.runs.cancel(id, { signal });
        if (options.json) printJson(run);
        else print(`${run.id} ${run.status}`);
      });
    },
  );
  withConnection(
    runs
      .command('resume')
      .description('Goes on with a run that was interrupted, or failed.')
      .argument('<id>'),
  ).action(async (id: string, options: ConnectionOptions) => {
    await withClient(options, async (client, signal) => {
      const run = await client.runs.resume(id, { signal });
      if (options.json) printJson(run);
      else print(`${run.id} ${run.status}`);
    });
  });
}
