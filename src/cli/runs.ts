// `codebuddy runs`: the work on prompts, including those that no client follows.

import type { Command } from 'commander';
import { cutHead } from '../base/text.ts';
import type { Run } from '../client/index.ts';
import { type RunStatus, runStatuses } from '../contract/run.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { Flag } from './flag.ts';
import { idOf, withId } from './id-argument.ts';
import { localTime } from './local-time.ts';
import { oneOf, wholeNumber } from './option-values.ts';
import { oneLine, paint, print, printJson, printTable } from './output.ts';
import { type PageOptions, pageQuery, printNextPage, withPaging } from './paging.ts';
import { readPrompt } from './prompt-input.ts';

interface ListOptions extends ConnectionOptions, PageOptions {
  readonly status?: RunStatus;
  readonly session?: string;
}

export function define(runs: Command): void {
  withConnection(withPaging(runs.command('list').description('List runs, newest first.')))
    .addOption(
      new Flag('--status <status>', `only runs with this status: ${runStatuses.join(', ')}`, {
        field: 'status',
        parse: oneOf('--status', runStatuses),
      }),
    )
    .addOption(
      new Flag('--session <id>', 'only runs of this session', {
        field: 'sessionId',
        parse: idOf('--session', 'ses'),
      }),
    )
    .action(list);
  withConnection(withId(runs.command('show').description('Show a run.'), 'run')).action(show);
  withConnection(
    withId(runs.command('cancel').description('Cancel a run and stop its tools.'), 'run'),
  ).action(async (id: string, options: ConnectionOptions) => {
    await withClient(
      options,
      async (client, signal) => printStatus(await client.runs.cancel(id, { signal }), options),
      'Waiting for the run to end',
    );
  });
  withConnection(
    withId(
      runs.command('steer').description('Send a message to a run. The run sees it before its next step.'),
      'run',
    ),
  )
    .argument('[text...]', 'the message (default: standard input; - waits for it)')
    .addOption(
      new Flag('--expected-step <step>', 'refuse the message if the run is at another step', {
        field: 'expectedStep',
        parse: wholeNumber('--expected-step', { minimum: 0, maximum: 1_000_000 }),
      }),
    )
    .action(steer);
  withConnection(
    withId(runs.command('resume').description('Resume an interrupted or failed run.'), 'run'),
  ).action(async (id: string, options: ConnectionOptions) => {
    await withClient(options, async (client, signal) =>
      printStatus(await client.runs.resume(id, { signal }), options),
    );
  });
}

async function list(options: ListOptions): Promise<void> {
  await withClient(options, async (client, signal) => {
    const { status, session } = options;
    const query = {
      ...pageQuery(options),
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
    printNextPage(answer.nextCursor);
  });
}

async function steer(
  id: string,
  words: readonly string[],
  options: ConnectionOptions & { readonly expectedStep?: number },
): Promise<void> {
  const text = await readPrompt(words, process.stdin);
  await withClient(options, async (client, signal) => {
    const { expectedStep } = options;
    const body = { text, ...(expectedStep === undefined ? {} : { expectedStep }) };
    const steered = await client.runs.steer(id, body, { signal });
    if (options.json) printJson(steered);
    else print(`${steered.messageId} waits for the next step of ${steered.runId}`);
  });
}

async function show(id: string, options: ConnectionOptions): Promise<void> {
  await withClient(options, async (client, signal) => {
    const run = await client.runs.get(id, { signal });
    if (options.json) return printJson(run);
    for (const [name, value] of Object.entries(run)) {
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      const shown = name.endsWith('At') ? localTime(text) : text;
      if (value !== null) print(`${name.padEnd(13)} ${oneLine(shown)}`);
    }
    if (run.status === 'interrupted' || run.status === 'failed')
      print(paint('dim', `To resume it: codebuddy runs resume ${run.id}`));
    if (run.status === 'waiting')
      print(paint('dim', 'It is waiting for permission: codebuddy permissions list'));
  });
}

function printStatus(run: Run, { json }: ConnectionOptions): void {
  if (json) printJson(run);
  else print(`${run.id} ${run.status}`);
}
