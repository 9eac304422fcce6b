// `codebuddy webhooks`: who is told of events. Only flags become fields here; the server checks them and names what is wrong.

import { setTimeout as wait } from 'node:timers/promises';
import type { Command } from 'commander';
import type { CodeBuddyClient, Delivery, Webhook } from '../client/index.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { idOf } from './id-argument.ts';
import { localTime, withLocalTimes } from './local-time.ts';
import { eventPattern, pageLimit, repeated } from './option-values.ts';
import { complain, oneLine, paint, print, printJson, printTable } from './output.ts';
import { readPoint } from './time-point.ts';
import { UsageError } from './usage-error.ts';
import { type FieldOptions, readFields, targetUrl, withFields } from './webhook-flags.ts';
import { add as addListen } from './webhooks-listen.ts';
import { add as addTorture } from './webhooks-torture.ts';

export function add(program: Command): void {
  const webhooks = program.command('webhooks').description('Sends events to URLs of yours, signed.');
  addMaking(webhooks);
  addLooking(webhooks);
  addChanging(webhooks);
  addSending(webhooks);
  addListen(webhooks);
  addTorture(webhooks);
}

function addMaking(webhooks: Command): void {
  withConnection(
    withFields(
      webhooks
        .command('add')
        .description('Makes a webhook and prints its secret, this once.')
        .argument('<url>', 'where events are sent', targetUrl('the URL')),
    ),
  )
    .addHelpText(
      'after',
      `
Examples:
  codebuddy webhooks add https://example.org/hook
  codebuddy webhooks add http://127.0.0.1:8080 --event 'run.*' --event tool.error
  codebuddy webhooks add https://example.org/hook --header 'Authorization: Bearer x' --ordered`,
    )
    .action(async (url: string, options: ConnectionOptions & FieldOptions) => {
      const fields = readFields(options);
      await withClient(options, async (client, signal) => {
        const made = await client.webhooks.create({ ...fields, url }, { signal });
        if (options.json) return printJson(made);
        print(`webhook ${made.id} sends ${oneLine(made.events.join(', '))} to ${oneLine(made.url)}`);
        const { sameUrlAs = [] } = made;
        if (sameUrlAs.length > 0)
          complain(
            `${oneLine(sameUrlAs.join(', '))} sends there already; events that both want are sent twice`,
          );
        printSecret(made);
        print(paint('dim', `try it: codebuddy webhooks test ${made.id}`));
      });
    });
  withConnection(
    webhooks
      .command('rotate')
      .description('Gives it a new secret and prints it, this once.')
      .argument('<id>', 'of a webhook', idOf('id', 'whk'))
      .option('--secret <secret>', 'the new one (default: one is generated)'),
  ).action(async (id: string, options: ConnectionOptions & { readonly secret?: string }) => {
    await withClient(options, async (client, signal) => {
      const { secret } = options;
      const made = await client.webhooks.rotateSecret(id, secret === undefined ? {} : { secret }, { signal });
      if (options.json) return printJson(made);
      printSecret(made);
      if (made.previousValidUntil) print(`the old one signs too until ${localTime(made.previousValidUntil)}`);
    });
  });
}

function addLooking(webhooks: Command): void {
  withConnection(webhooks.command('list').description('Lists webhooks and how they fare.'))
    .option('--limit <n>', '1 to 200', pageLimit, 50)
    .option('--cursor <cursor>', 'the nextCursor of the page before')
    .action(async (options: ConnectionOptions & { readonly limit: number; readonly cursor?: string }) => {
      await withClient(options, async (client, signal) => {
        const { limit, cursor } = options;
        const query = { limit, ...(cursor === undefined ? {} : { cursor }) };
        const answer = await client.webhooks.list(query, { signal });
        if (options.json) return printJson(answer);
        printTable(
          ['ID', 'STATE', 'PENDING', 'EVENTS', 'URL', 'NAME'],
          answer.webhooks.map(({ id, state, events, url, name }) => [
            id,
            state.status,
            String(state.pending),
            events.join(','),
            url,
            name,
          ]),
        );
        if (answer.nextCursor) print(paint('dim', `more: --cursor ${answer.nextCursor}`));
      });
    });
  withConnection(
    webhooks
      .command('show')
      .description('Shows one webhook.')
      .argument('<id>', 'of a webhook', idOf('id', 'whk')),
  ).action(async (id: string, options: ConnectionOptions) => {
    await withClient(options, async (client, signal) => {
      const webhook = await client.webhooks.get(id, { signal });
      if (options.json) printJson(webhook);
      else print(describe(webhook));
    });
  });
}

interface UpdateOptions extends ConnectionOptions, FieldOptions {
  readonly to?: string;
  readonly enable?: boolean;
  readonly disable?: boolean;
}

function addChanging(webhooks: Command): void {
  withConnection(
    withFields(
      webhooks
        .command('update')
        .description('Changes a webhook; what is not named stays as it is.')
        .argument('<id>', 'of a webhook', idOf('id', 'whk'))
        .option('--to <url>', 'where events are sent', targetUrl('--to'))
        .option('--enable', 'send again')
        .option('--disable', 'stop sending'),
    ),
  ).action(async (id: string, options: UpdateOptions) => {
    if (options.enable && options.disable) throw new UsageError('--enable and --disable: take one of them');
    const patch = {
      ...readFields(options),
      ...(options.to === undefined ? {} : { url: options.to }),
      ...(options.enable ? { enabled: true } : options.disable ? { enabled: false } : {}),
    };
    if (Object.keys(patch).length === 0) throw new UsageError('nothing to change: name at least one option');
    await withClient(options, async (client, signal) => {
      const webhook = await client.webhooks.update(id, patch, { signal });
      if (options.json) printJson(webhook);
      else print(describe(webhook));
    });
  });
  withConnection(
    webhooks
      .command('enable')
      .description('Enables a webhook that was disabled.')
      .argument('<id>', 'of a webhook', idOf('id', 'whk'))
      .option('--replay-missed', 'also send what it missed'),
  ).action(async (id: string, options: ConnectionOptions & { readonly replayMissed?: boolean }) => {
    await withClient(options, async (client, signal) => {
      const answer = await client.webhooks.enable(
        id,
        { replayMissed: options.replayMissed ?? false },
        { signal },
      );
      if (options.json) return printJson(answer);
      print(`enabled ${answer.webhook.id}; what waits is sent now`);
      if (answer.queued > 0) print(`${answer.queued} missed events will be sent`);
      else if (answer.webhook.state.missed > 0) {
        print(`it missed ${answer.webhook.state.missed} events; --replay-missed sends them`);
      }
    });
  });
  withConnection(
    webhooks
      .command('remove')
      .description('Removes a webhook and cancels what it has not got yet.')
      .argument('<id>', 'of a webhook', idOf('id', 'whk')),
  ).action(async (id: string, options: ConnectionOptions) => {
    await withClient(options, async (client, signal) => {
      await client.webhooks.remove(id, { signal });
      if (options.json) printJson({ removed: id });
      else print(`removed ${id}`);
    });
  });
}

interface ReplayOptions extends ConnectionOptions {
  readonly after: string;
  readonly before?: string;
  readonly event?: readonly string[];
}

function addSending(webhooks: Command): void {
  withConnection(
    webhooks
      .command('test')
      .description('Sends a webhook.test event and waits up to 20 s for its outcome.')
      .argument('<id>', 'of a webhook', idOf('id', 'whk')),
  ).action(async (id: string, options: ConnectionOptions) => {
    await withClient(options, async (client, signal) => {
      const delivery = await ended(client, await client.webhooks.test(id, { signal }), signal);
      if (options.json) printJson(delivery);
      else reportTest(delivery);
      if (delivery.status !== 'success') process.exitCode = 1;
    });
  });
  withConnection(
    webhooks
      .command('replay')
      .description('Sends events of the log to a webhook, again or for the first time.')
      .argument('<id>', 'of a webhook', idOf('id', 'whk'))
      .requiredOption(
        '--after <point>',
        'a sequence number (0: from the beginning), a date or time, or how long ago: 2026-11-29, 2h',
      )
      .option('--before <point>', 'likewise (default: now)')
      .option(
        '--event <type>',
        'only these types, as tool.*; may be repeated',
        repeated(eventPattern('--event')),
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
      await withClient(options, async (client, signal) => {
        const { before, event } = options;
        const answer = await client.webhooks.replay(
          id,
          {
            after: readPoint('--after', options.after),
            ...(before === undefined ? {} : { before: readPoint('--before', before) }),
            ...(event === undefined ? {} : { events: event }),
          },
          { signal },
        );
        if (options.json) printJson(answer);
        else print(`${answer.queued} queued, ${answer.skipped} skipped`);
      });
    });
}

const testWaitMs = 20_000;

/** The delivery once it has ended, or as it is after 20 s. */
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
    print(oneLine(`attempt ${number}: ${answer} in ${Math.round(durationMs)} ms${words}`));
  }
  if (status === 'success') {
    print(`${paint('green', 'delivered')} ${id}`);
    return;
  }
  const state = status === 'pending' ? 'not delivered within 20 s; it goes on trying' : status;
  const words = reason === null ? '' : `: ${oneLine(withLocalTimes(reason))}`;
  print(`${paint('red', state)}${words}\n${paint('dim', `what to do: codebuddy deliveries explain ${id}`)}`);
}

interface Secret {
  readonly secret: string | null;
  readonly signingSecret: string | null;
}

function printSecret({ secret, signingSecret }: Secret): void {
  if (secret === null) {
    complain('requests are not signed');
    return;
  }
  complain('its secret is shown this once:');
  print(oneLine(secret));
  if (signingSecret !== null && signingSecret !== secret) {
    print(`for Standard Webhooks libraries: ${oneLine(signingSecret)}`);
  }
}

function describe(webhook: Webhook): string {
  const { state, headers } = webhook;
  const lines: readonly (readonly [string, string | null])[] = [
    ['url', webhook.url],
    ['description', webhook.description || null],
    ['events', webhook.events.join(', ')],
    ['state', withLocalTimes(`${state.status}: ${state.detail}`)],
    ['deliveries', `${state.pending} pending, ${state.inFlight} in flight, ${state.missed} missed`],
    ['last success', state.lastSuccessAt && localTime(state.lastSuccessAt)],
    ['failing since', state.failingSince && localTime(state.failingSince)],
    [
      'retries',
      `${webhook.retryCount}, the first after ${webhook.retryDelay} ms; time-out ${webhook.timeout} ms`,
    ],
    ['order', webhook.ordered ? 'one by one, by sequence' : 'as they come'],
    ['signed', webhook.signed ? (webhook.publicKey ?? 'yes') : 'no'],
    ['run', webhook.runId],
    ...Object.entries(headers).map(([name, value]) => ['header', `${name}: ${value}`] as const),
  ];
  const rows = lines.flatMap(([title, value]) =>
    value === null ? [] : [`${title.padEnd(14)} ${oneLine(value)}`],
  );
  return `${paint('bold', oneLine(`${webhook.id}  ${webhook.name}`.trimEnd()))}\n${rows.join('\n')}`;
}
