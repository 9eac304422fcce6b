// `codebuddy deliveries`: the deliveries of events to webhooks, their outcome, and the next step.

import type { Command } from 'commander';
import type { ExplainedDelivery } from '../client/index.ts';
import { type DeliveryStatus, deliveryStatuses } from '../contract/delivery-status.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { Flag } from './flag.ts';
import { idOf, withId } from './id-argument.ts';
import { localTime, withLocalTimes } from './local-time.ts';
import { eventPattern, oneOf } from './option-values.ts';
import { countOf, oneLine, paint, print, printJson, printTable } from './output.ts';
import { type PageOptions, pageQuery, printNextPage, withPaging } from './paging.ts';
import { readTime } from './time-point.ts';
import { UsageError } from './usage-error.ts';

interface FilterOptions extends ConnectionOptions {
  readonly webhook?: string;
  readonly event?: string;
  readonly since?: string;
}

interface ListOptions extends FilterOptions, PageOptions {
  readonly status?: DeliveryStatus;
  readonly eventId?: string;
}

interface RetryOptions extends FilterOptions {
  readonly failed?: boolean;
  readonly dryRun?: boolean;
}

export function define(deliveries: Command): void {
  withConnection(
    withPaging(withFilter(deliveries.command('list').description('List deliveries, newest first.'))),
  )
    .addOption(
      new Flag('--status <status>', `only deliveries with this status: ${deliveryStatuses.join(', ')}`, {
        field: 'status',
        parse: oneOf('--status', deliveryStatuses),
      }),
    )
    .addOption(
      new Flag('--event-id <id>', 'only deliveries of this event', {
        field: 'eventId',
        parse: idOf('--event-id', 'evt'),
      }),
    )
    .action(list);
  withConnection(
    withId(deliveries.command('show').description('Show a delivery with its attempts.'), 'dlv'),
  ).action(show);
  withConnection(
    withId(
      deliveries.command('explain').description('Explain the status of a delivery and the next step.'),
      'dlv',
    ),
  ).action(explain);
  withConnection(
    withFilter(
      withId(
        deliveries
          .command('retry')
          .description('Retry a delivery, or all failed deliveries with --failed.')
          .option(
            '--failed',
            'retry all failed deliveries; --webhook, --event and --since select some of them',
          )
          .option('--dry-run', 'with --failed: count the deliveries, and queue none'),
        'dlv',
        { optional: true },
      ),
    ),
  )
    .addHelpText(
      'after',
      `
Examples:
  codebuddy deliveries retry dlv_…
  codebuddy deliveries retry --failed --webhook whk_… --since 2h --dry-run
  codebuddy deliveries retry --failed --webhook whk_… --since 2h`,
    )
    .action(retry);
}

function withFilter(command: Command): Command {
  return command
    .addOption(
      new Flag('--webhook <id>', 'only deliveries to this webhook', {
        field: 'webhookId',
        parse: idOf('--webhook', 'whk'),
      }),
    )
    .addOption(
      new Flag('--event <type>', 'only deliveries of events of this type', {
        field: 'event',
        parse: eventPattern('--event'),
      }),
    )
    .addOption(
      new Flag('--since <time>', 'only deliveries created since this time, date or age: 2026-11-29, 2h', {
        field: 'since',
      }),
    );
}

/** The query parameters of the filter. @throws UsageError for an invalid --since */
function filterQuery({ webhook, event, since }: FilterOptions): {
  webhookId?: string;
  event?: string;
  since?: string;
} {
  return {
    ...(webhook === undefined ? {} : { webhookId: webhook }),
    ...(event === undefined ? {} : { event }),
    ...(since === undefined ? {} : { since: readTime('--since', since) }),
  };
}

async function list(options: ListOptions): Promise<void> {
  const filter = filterQuery(options);
  await withClient(options, async (client, signal) => {
    const { status, eventId } = options;
    const query = {
      ...pageQuery(options),
      ...filter,
      ...(status === undefined ? {} : { status }),
      ...(eventId === undefined ? {} : { eventId }),
    };
    const answer = await client.deliveries.list(query, { signal });
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
    printNextPage(answer.nextCursor);
  });
}

async function show(id: string, options: ConnectionOptions): Promise<void> {
  await withClient(options, async (client, signal) => {
    const delivery = await client.deliveries.get(id, { signal });
    if (options.json) return printJson(delivery);
    print(describe(delivery));
    if (delivery.attemptLog.length === 0) return print('No attempts yet.');
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
      print(`\n${paint('dim', `Response to attempt ${answered.number}:`)}\n${answered.responseExcerpt}`);
    }
  });
}

async function explain(id: string, options: ConnectionOptions): Promise<void> {
  await withClient(options, async (client, signal) => {
    const { explanation } = await client.deliveries.get(id, { signal });
    if (options.json) return printJson(explanation);
    print(withLocalTimes(explanation.summary));
    print(`${paint('bold', 'Next step:')} ${withLocalTimes(explanation.nextStep)}`);
    if (explanation.curl !== null) print(`\n${explanation.curl}`);
  });
}

async function retry(id: string | undefined, options: RetryOptions): Promise<void> {
  const filter = filterQuery(options);
  if ((id === undefined) === (options.failed !== true))
    throw new UsageError('Use either the <id> of a delivery, or --failed for all failed deliveries.');
  if (id !== undefined && Object.keys(filter).length > 0)
    throw new UsageError('--webhook, --event and --since need --failed.');
  if (id !== undefined && options.dryRun === true) throw new UsageError('--dry-run needs --failed.');
  await withClient(
    options,
    async (client, signal) => {
      if (id !== undefined) {
        const delivery = await client.deliveries.retry(id, { signal });
        if (options.json) printJson(delivery);
        else print(`Queued delivery ${delivery.id} again.`);
        return;
      }
      if (options.dryRun === true) {
        const answer = await client.deliveries.countFailed(filter, { signal });
        if (options.json) printJson(answer);
        else print(`Would queue ${countOf(answer.matching, 'delivery', 'deliveries')} again.`);
        return;
      }
      const answer = await client.deliveries.retryFailed(filter, { signal });
      if (options.json) printJson(answer);
      else print(`Queued ${countOf(answer.queued, 'delivery', 'deliveries')} again.`);
    },
    'Queueing deliveries',
  );
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
