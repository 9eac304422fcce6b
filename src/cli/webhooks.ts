// `codebuddy webhooks`: creates, changes, tests and removes webhooks.

import { setTimeout as wait } from 'node:timers/promises';
import type { Command } from 'commander';
import type { CodeBuddyClient, Delivery, Webhook } from '../client/index.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { Flag } from './flag.ts';
import { withId } from './id-argument.ts';
import { localTime, withLocalTimes } from './local-time.ts';
import { eventPattern, repeated } from './option-values.ts';
import { complain, countOf, oneLine, paint, print, printJson, printTable } from './output.ts';
import { type PageOptions, pageQuery, printNextPage, withPaging } from './paging.ts';
import { withReplayProgress } from './replay-progress.ts';
import { readPoint } from './time-point.ts';
import { UsageError } from './usage-error.ts';
import { type FieldOptions, readFields, targetUrl, withFields } from './webhook-flags.ts';
import { defineListen } from './webhooks-listen.ts';
import { defineTorture } from './webhooks-torture.ts';
import { defineTransfer } from './webhooks-transfer.ts';

export function define(webhooks: Command): void {
  defineCreate(webhooks);
  defineList(webhooks);
  defineUpdate(webhooks);
  defineSend(webhooks);
  defineListen(webhooks);
  defineTorture(webhooks);
  defineTransfer(webhooks);
}

function defineCreate(webhooks: Command): void {
  withConnection(
    withFields(
      webhooks
        .command('create')
        .alias('add')
        .description('Create a webhook. Its secret is shown only once.')
        .argument('<url>', 'URL to send events to', targetUrl('<url>')),
    ),
  )
    .addHelpText(
      'after',
      `
Examples:
  codebuddy webhooks create https://example.org/hook
  codebuddy webhooks create http://127.0.0.1:8080 --event 'run.*' --event tool.error
  codebuddy webhooks create https://example.org/hook --header 'Authorization: Bearer x' --ordered`,
    )
    .action(async (url: string, options: ConnectionOptions & FieldOptions) => {
      const fields = readFields(options);
      await withClient(options, async (client, signal) => {
        const created = await client.webhooks.create({ ...fields, url }, { signal });
        if (options.json) return printJson(created);
        const { id, events, sameUrlAs = [] } = created;
        print(`Created webhook ${id}, which sends ${oneLine(events.join(', '))} to ${oneLine(created.url)}.`);
        if (sameUrlAs.length > 0)
          complain(
            `Warning: ${oneLine(sameUrlAs.join(', '))} already ${sameUrlAs.length === 1 ? 'sends' : 'send'} to this URL; events that match more than one webhook are sent repeatedly.`,
          );
        printSecret(created);
        print(paint('dim', `To test it: codebuddy webhooks test ${id}`));
      });
    });
  withConnection(
    withId(
      webhooks
        .command('rotate')
        .description('Replace the secret of a webhook. The new secret is shown only once.'),
      'whk',
    ).addOption(new Flag('--secret <secret>', 'new secret (default: a generated one)', { field: 'secret' })),
  ).action(async (id: string, options: ConnectionOptions & { readonly secret?: string }) => {
    await withClient(options, async (client, signal) => {
      const { secret } = options;
      const body = secret === undefined ? {} : { secret };
      const rotated = await client.webhooks.rotateSecret(id, body, { signal });
      if (options.json) return printJson(rotated);
      printSecret(rotated);
      const { previousValidUntil } = rotated;
      if (previousValidUntil)
        print(`Requests are also signed with the old secret until ${localTime(previousValidUntil)}.`);
    });
  });
}

function defineList(webhooks: Command): void {
  withConnection(withPaging(webhooks.command('list').description('List webhooks and their status.'))).action(
    async (options: ConnectionOptions & PageOptions) => {
      await withClient(options, async (client, signal) => {
        const answer = await client.webhooks.list(pageQuery(options), { signal });
        if (options.json) return printJson(answer);
        printTable(
          ['ID', 'STATUS', 'PENDING', 'EVENTS', 'URL', 'NAME'],
          answer.webhooks.map(({ id, state, events, url, name }) => [
            id,
            state.status,
            String(state.pending),
            events.join(','),
            url,
            name,
          ]),
        );
        printNextPage(answer.nextCursor);
      });
    },
  );
  withConnection(withId(webhooks.command('show').description('Show a webhook.'), 'whk')).action(
    async (id: string, options: ConnectionOptions) => {
      await withClient(options, async (client, signal) => {
        const webhook = await client.webhooks.get(id, { signal });
        if (options.json) printJson(webhook);
        else print(describe(webhook));
      });
    },
  );
}

interface UpdateOptions extends ConnectionOptions, FieldOptions {
  readonly to?: string;
  readonly enable?: boolean;
  readonly disable?: boolean;
}

function defineUpdate(webhooks: Command): void {
  withConnection(
    withFields(
      withId(
        webhooks.command('update').description('Update a webhook. Fields without a flag stay unchanged.'),
        'whk',
      )
        .addOption(
          new Flag('--to <url>', 'URL to send events to', { field: 'url', parse: targetUrl('--to') }),
        )
        .option('--enable', 'enable the webhook')
        .option('--disable', 'disable the webhook'),
    ),
  ).action(async (id: string, options: UpdateOptions) => {
    if (options.enable && options.disable) throw new UsageError('--enable and --disable cannot be combined.');
    const patch = {
      ...readFields(options),
      ...(options.to === undefined ? {} : { url: options.to }),
      ...(options.enable ? { enabled: true } : options.disable ? { enabled: false } : {}),
    };
    if (Object.keys(patch).length === 0)
      throw new UsageError('Nothing to change: use at least one flag that sets a field.');
    await withClient(options, async (client, signal) => {
      const webhook = await client.webhooks.update(id, patch, { signal });
      if (options.json) printJson(webhook);
      else print(describe(webhook));
    });
  });
  withConnection(
    withId(webhooks.command('enable').description('Enable a disabled webhook.'), 'whk').option(
      '--replay-missed',
      'also send the events that it missed',
    ),
  ).action(async (id: string, options: ConnectionOptions & { readonly replayMissed?: boolean }) => {
    await withClient(
      options,
      async (client, signal) => {
        const answer = await client.webhooks.enable(
          id,
          { replayMissed: options.replayMissed ?? false },
          { signal },
        );
        if (options.json) return printJson(answer);
        const { webhook, queued } = answer;
        print(`Enabled webhook ${webhook.id}. Pending deliveries are sent now.`);
        if (queued > 0) print(`Queued ${countOf(queued, 'missed event')}.`);
        else if (webhook.state.missed > 0)
          print(`It missed ${countOf(webhook.state.missed, 'event')}. Use --replay-missed to send them.`);
      },
      'Queueing missed events',
    );
  });
  withConnection(
    withId(
      webhooks.command('remove').description('Remove a webhook and cancel its pending deliveries.'),
      'whk',
    ),
  ).action(async (id: string, options: ConnectionOptions) => {
    await withClient(options, async (client, signal) => {
      await client.webhooks.remove(id, { signal });
      if (options.json) printJson({ removed: id });
      else print(`Removed webhook ${id}.`);
    });
  });
}

interface ReplayOptions extends ConnectionOptions {
  readonly after: string;
  readonly before?: string;
  readonly event?: readonly string[];
}

function defineSend(webhooks: Command): void {
  withConnection(
    withId(
      webhooks.command('test').description('Send a webhook.test event and wait up to 20 s for its outcome.'),
      'whk',
    ),
  ).action(async (id: string, options: ConnectionOptions) => {
    await withClient(
      options,
      async (client, signal) => {
        const delivery = await ended(client, await client.webhooks.test(id, { signal }), signal);
        if (options.json) printJson(delivery);
        else reportTest(delivery);
        if (delivery.status !== 'success') process.exitCode = 1;
      },
      'Waiting for the receiver',
    );
  });
  withConnection(
    withId(webhooks.command('replay').description('Send past events of the log to a webhook.'), 'whk')
      .addOption(
        new Flag(
          '--after <point>',
          'start after this sequence number (0: the beginning), time, date or age: 1200, 2026-11-29, 2h',
          { field: 'after', isRequired: true },
        ),
      )
      .addOption(
        new Flag('--before <point>', 'end before this point, in the same forms (default: now)', {
          field: 'before',
        }),
      )
      .addOption(
        new Flag('--event <type>', "only these types, such as run.complete or 'tool.*'; may be repeated", {
          field: 'events',
          parse: repeated(eventPattern('--event')),
        }),
      ),
  )
    .addHelpText(
      'after',
      `
Examples:
  codebuddy webhooks replay whk_… --after 1200
  codebuddy webhooks replay whk_… --after 2h
  codebuddy webhooks replay whk_… --after 2026-11-01T00:00:00Z --event run.failed`,
    )
    .action(async (id: string, options: ReplayOptions) => {
      await withClient(
        options,
        async (client, signal, line) => {
          const { before, event } = options;
          const range = {
            after: readPoint('--after', options.after),
            ...(before === undefined ? {} : { before: readPoint('--before', before) }),
            ...(event === undefined ? {} : { events: event }),
          };
          const answer = await withReplayProgress(client, id, line, () =>
            client.webhooks.replay(id, range, { signal }),
          );
          if (options.json) printJson(answer);
          else print(`Queued ${countOf(answer.queued, 'event')}, skipped ${answer.skipped}.`);
        },
        'Queueing events',
      );
    });
}

const testWaitMs = 20_000;

/** Returns the delivery when it has ended, or after 20 s. */
async function ended(client: CodeBuddyClient, first: Delivery, signal: AbortSignal): Promise<Delivery> {
  const deadline = performance.now() + testWaitMs;
  let delivery = first;
  while (delivery.status === 'pending' && performance.now() < deadline) {
    await wait(200, undefined, { signal });
    delivery = await client.deliveries.get(first.id, { signal });
  }
  return delivery;
}

function reportTest({ id, status, attemptLog, reason }: Delivery): void {
  for (const { number, outcome, statusCode, durationMs, message } of attemptLog) {
    const answer = statusCode === null ? outcome : `${outcome} ${statusCode}`;
    const words = message === null ? '' : `  ${message}`;
    print(oneLine(`Attempt ${number}: ${answer} in ${Math.round(durationMs)} ms${words}`));
  }
  if (status === 'success') {
    print(`${paint('green', 'Delivered')} ${id}.`);
    return;
  }
  const state = status === 'pending' ? 'Not delivered within 20 s; retries continue' : status;
  const words = reason === null ? '' : `: ${oneLine(withLocalTimes(reason))}`;
  print(`${paint('red', state)}${words}\n${paint('dim', `Next step: codebuddy deliveries explain ${id}`)}`);
}

interface Secret {
  readonly secret: string | null;
  readonly signingSecret: string | null;
}

function printSecret({ secret, signingSecret }: Secret): void {
  if (secret === null) {
    complain('Requests are not signed.');
    return;
  }
  complain('Secret, shown only once:');
  print(oneLine(secret));
  if (signingSecret !== null && signingSecret !== secret) {
    print(`For Standard Webhooks libraries: ${oneLine(signingSecret)}`);
  }
}

function describe(webhook: Webhook): string {
  const { state, headers } = webhook;
  const lines: readonly (readonly [string, string | null])[] = [
    ['url', webhook.url],
    ['description', webhook.description || null],
    ['events', webhook.events.join(', ')],
    ['status', withLocalTimes(`${state.status}: ${state.detail}`)],
    ['deliveries', `${state.pending} pending, ${state.inFlight} in flight, ${state.missed} missed`],
    ['last success', state.lastSuccessAt && localTime(state.lastSuccessAt)],
    ['failing since', state.failingSince && localTime(state.failingSince)],
    [
      'retries',
      `${webhook.retryCount}, the first after ${webhook.retryDelay} ms; timeout ${webhook.timeout} ms`,
    ],
    ['order', webhook.ordered ? 'one at a time, by sequence' : 'none: several at the same time'],
    ['signed', webhook.signed ? (webhook.publicKey ?? 'yes') : 'no'],
    ['run', webhook.runId],
    ...Object.entries(headers).map(([name, value]) => ['header', `${name}: ${value}`] as const),
  ];
  const rows = lines.flatMap(([title, value]) =>
    value === null ? [] : [`${title.padEnd(14)} ${oneLine(value)}`],
  );
  return `${paint('bold', oneLine(`${webhook.id}  ${webhook.name}`.trimEnd()))}\n${rows.join('\n')}`;
}
