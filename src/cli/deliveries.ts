// `codebuddy deliveries`: what became of each event on its way to a webhook, why, and what to do about it.

import type { Command } from 'commander';
import type { ExplainedDelivery } from '../client/index.ts';
import { type DeliveryStatus, deliveryStatuses } from '../contract/delivery.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { idOf, withId } from './id-argument.ts';
import { localTime, withLocalTimes } from './local-time.ts';
import { eventPattern, oneOf, pageLimit } from './option-values.ts';
import { oneLine, paint, print, printJson, printTable } from './output.ts';
import { readTime } from './time-point.ts';
import { UsageError } from './usage-error.ts';

interface ListOptions extends ConnectionOptions {
  readonly webhook?: string;
  readonly status?: DeliveryStatus;
  readonly event?: string;
  readonly eventId?: string;
  readonly since?: string;
  readonly limit: number;
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
    .option('--webhook <id>', 'only of this webhook', idOf('--webhook', 'whk'))
    .option('--status <status>', `only ${deliveryStatuses.join(', ')}`, oneOf('--status', deliveryStatuses))
    .option('--event <type>', 'only of this event type', eventPattern('--event'))
    .option('--event-id <id>', 'only of this event', idOf('--event-id', 'evt'))
    .option(
      '--since <time>',
      'only those made since then: a date or time, or how long ago, as 2026-11-29, 2h',
    )
    .option('--limit <n>', '1 to 200', pageLimit, 50)
    .option('--cursor <cursor>', 'the nextCursor of the page before')
    .action(list);
  withConnection(
    withId(deliveries.command('show').description('Shows a delivery with every attempt.'), 'dlv'),
  ).action(show);
  withConnection(
    withId(
      deliveries
        .command('explain')
        .description('Says in words what became of a delivery, and the next step.'),
      'dlv',
    ),
  ).action(explain);
  withConnection(
    deliveries
      .command('retry')
      .description('Sends again: one delivery, or with --failed all that failed.')
      .argument('[id]', 'of a delivery', idOf('id', 'dlv'))
      .option('--failed', 'all that failed')
      .option('--webhook <id>', 'with --failed: only of this webhook', idOf('--webhook', 'whk'))
      .option('--event <type>', 'with --failed: only of this event type', eventPattern('--event'))
      .option('--since <time>', 'with --failed: only those made since then, as 2026-11-29, 2h'),
  )
    .addHelpText(
      'after',
      `
Examples:
  codebuddy deliveries retry dlv_…
  codebuddy deliveries retry --failed --webhook whk_… --since 2h`,
    )
    .action(retry);
}

async function list(options: ListOptions): Promise<void> {
  const since = options.since === undefined ? undefined : readTime('--since', options.since);
  await withClient(options, async (client, signal) => {
    const { webhook, status, event, eventId, limit, cursor } = options;
    const answer = await client.deliveries.list(
      {
        limit,
        ...(cursor === undefined ? {} : { cursor }),
        ...(webhook === undefined ? {} : { webhookId: webhook }),
        ...(status === undefined ? {} : { status }),
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
        localTime(delivery.createdAt),
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
        localTime(at),
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
    print(withLocalTimes(explanation.summary));
    print(`${paint('bold', 'next step:')} ${withLocalTimes(explanation.nextStep)}`);
    if (explanation.curl !== null) print(`\n${explanation.curl}`);
  });
}

async function retry(id: string | undefined, options: RetryOptions): Promise<void> {
  const { webhook, event } = options;
  const since = options.since === undefined ? undefined : readTime('--since', options.since);
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
    ['created', localTime(delivery.createdAt)],
    ['next attempt', delivery.nextAttemptAt && localTime(delivery.nextAttemptAt)],
    ['ended', delivery.endedAt && localTime(delivery.endedAt)],
  ];
  const rows = lines.flatMap(([title, value]) =>
    value === null ? [] : [`${title.padEnd(13)} ${oneLine(value)}`],
  );
  return `${paint('bold', oneLine(delivery.id))}\n${rows.join('\n')}\n`;
}
