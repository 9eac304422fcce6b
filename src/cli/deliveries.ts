// `codebuddy deliveries`: what became of each event on its way to a webhook, why, and what to do about it.

import type { Command } from 'commander';
import type { Delivery, ExplainedDelivery } from '../client/index.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { UsageError } from './exit-codes.ts';
import { oneLine, paint, print, printJson, printTable } from './output.ts';

interface ListOptions extends ConnectionOptions {
  readonly webhook?: string;
  readonly status?: string;
  readonly event?: string;
  readonly eventId?: string;
  readonly since?: string;
  readonly limit: string;
  readonly cursor?: string;
}

interface RetryOptions extends ConnectionOptions {
  readonly failed?: boolean;
  readonly webhook?: string;
  readonly event?: string;
  readonly since?: string;
}

export function add(program: Command): void {
  const deliveries = program.command('deliveries').description('Shows, explains and retries deliveries.');
  withConnection(deliveries.command('list').description('Lists deliveries, newest first.'))
    .option('--webhook <id>', 'only of this webhook')
    .option('--status <status>', 'only pending, success, failed or cancelled')
    .option('--event <type>', 'only of this event type')
    .option('--event-id <id>', 'only of this event')
    .option('--since <time>', 'only those made since then, as 2026-11-23T10:00:00Z')
    .option('--limit <n>', '1 to 200', '50')
    .option('--cursor <cursor>', 'the nextCursor of the page before')
    .action(list);
  withConnection(
    deliveries.command('show').description('Shows a delivery with every attempt.').argument('<id>'),
  ).action(show);
  withConnection(
    deliveries
      .command('explain')
      .description('Says in words what became of a delivery, and the next step.')
      .argument('<id>'),
  ).action(explain);
  withConnection(
    deliveries
      .command('retry')
      .description('Sends again: one delivery, or with --failed all that failed.')
      .argument('[id]')
      .option('--failed', 'all that failed')
      .option('--webhook <id>', 'with --failed: only of this webhook')
      .option('--event <type>', 'with --failed: only of this event type')
      .option('--since <time>', 'with --failed: only those made since then'),
  )
    .addHelpText(
      'after',
      `
Examples:
  codebuddy deliveries retry dlv_…
  codebuddy deliveries retry --failed --webhook whk_… --since 2026-11-23T10:00:00Z`,
    )
    .action(retry);
}

async function list(options: ListOptions): Promise<void> {
  await withClient(options, async (client, signal) => {
    const { webhook, status, event, eventId, since, limit, cursor } = options;
    const answer = await client.deliveries.list(
      {
        limit: Number(limit),
        ...(cursor === undefined ? {} : { cursor }),
        ...(webhook === undefined ? {} : { webhookId: webhook }),
        // The server checks the word and names the field.
        ...(status === undefined ? {} : { status: status as Delivery['status'] }),
        ...(event === undefined ? {} : { event }),
        ...(eventId === undefined ? {} : { eventId }),
        ...(since === undefined ? {} : { since }),
      },
      { signal },
    );
    if (options.json) return printJson(answer);
    printTable(
      ['ID', 'CREATED', 'STATUS', 'ATTEMPTS', 'EVENT', 'WEBHOOK', 'REASON'],
      answer.deliveries.map((delivery) => [
        delivery.id,
        delivery.createdAt,
        delivery.status,
        String(delivery.attempts),
        delivery.event,
        delivery.webhookId,
        delivery.reason ?? '',
      ]),
    );
    if (answer.nextCursor) print(paint('dim', `more: --cursor ${answer.nextCursor}`));
  });
}

async function show(id: string, options: ConnectionOptions): Promise<void> {
  await withClient(options, async (client, signal) => {
    const delivery = await client.deliveries.get(id, { signal });
    if (options.json) return printJson(delivery);
    print(describe(delivery));
    if (delivery.attemptLog.length === 0) return print('no attempt yet');
    printTable(
      ['ATTEMPT', 'AT', 'MS', 'OUTCOME', 'STATUS', 'MESSAGE'],
      delivery.attemptLog.map(({ number, at, durationMs, outcome, statusCode, message }) => [
        String(number),
        at,
        String(Math.round(durationMs)),
        outcome,
        String(statusCode ?? ''),
        message ?? '',
      ]),
    );
    const answered = delivery.attemptLog.findLast(({ responseExcerpt }) => responseExcerpt);
    if (answered?.responseExcerpt) {
      print(`\n${paint('dim', `answer to attempt ${answered.number}`)}\n${answered.responseExcerpt}`);
    }
  });
}

async function explain(id: string, options: ConnectionOptions): Promise<void> {
  await withClient(options, async (client, signal) => {
    const { explanation } = await client.deliveries.get(id, { signal });
    if (options.json) return printJson(explanation);
    print(explanation.summary);
    print(`${paint('bold', 'next step:')} ${explanation.nextStep}`);
    if (explanation.curl !== null) print(`\n${explanation.curl}`);
  });
}

async function retry(id: string | undefined, options: RetryOptions): Promise<void> {
  const { webhook, event, since } = options;
  if ((id === undefined) === (options.failed !== true)) {
    throw new UsageError('name one delivery, or take --failed for all that failed');
  }
  if (id !== undefined && (webhook ?? event ?? since) !== undefined) {
    throw new UsageError('--webhook, --event and --since go with --failed');
  }
  await withClient(options, async (client, signal) => {
    if (id !== undefined) {
      const delivery = await client.deliveries.retry(id, { signal });
      if (options.json) printJson(delivery);
      else print(`${delivery.id} is queued again`);
      return;
    }
    const filter = {
      ...(webhook === undefined ? {} : { webhookId: webhook }),
      ...(event === undefined ? {} : { event }),
      ...(since === undefined ? {} : { since }),
    };
    const answer = await client.deliveries.retryFailed(filter, { signal });
    if (options.json) printJson(answer);
    else print(`${answer.queued} queued again`);
  });
}

function describe(delivery: ExplainedDelivery): string {
  const lines: readonly (readonly [string, string | null])[] = [
    ['status', delivery.status],
    ['reason', delivery.reason],
    ['event', `${delivery.event} ${delivery.eventId} (sequence ${delivery.sequence})`],
    ['webhook', delivery.webhookId],
    ['created', delivery.createdAt],
    ['next attempt', delivery.nextAttemptAt],
    ['ended', delivery.endedAt],
  ];
  const rows = lines.flatMap(([title, value]) =>
    value === null ? [] : [`${title.padEnd(13)} ${oneLine(value)}`],
  );
  return `${paint('bold', oneLine(delivery.id))}\n${rows.join('\n')}\n`;
}
