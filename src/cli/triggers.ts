// `codebuddy triggers`: creates, tests, changes and removes triggers, and lists their calls.

import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { fileFault } from '../base/file-errors.ts';
import type { Trigger, TriggerCall } from '../client/index.ts';
import { triggerSources } from '../contract/trigger-input.ts';
import { triggerOutcomes } from '../contract/trigger-outcome.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { Flag } from './flag.ts';
import { withId } from './id-argument.ts';
import { localTime } from './local-time.ts';
import { oneOf, repeated } from './option-values.ts';
import { complain, oneLine, paint, print, printJson, printTable } from './output.ts';
import { type PageOptions, pageQuery, printNextPage, withPaging } from './paging.ts';
import { readTriggerFields, type TriggerFieldOptions, withTriggerFields } from './trigger-flags.ts';
import { setupLines } from './trigger-setup.ts';
import { UsageError } from './usage-error.ts';

export function define(triggers: Command): void {
  defineCreate(triggers);
  defineList(triggers);
  defineUpdate(triggers);
  defineTest(triggers);
  defineCalls(triggers);
}

/** Linear signs like no other sender, so it has a name here. */
const senders = [...triggerSources, 'linear'] as const;
type Sender = (typeof senders)[number];
const linear = { header: 'Linear-Signature', timestampField: 'webhookTimestamp' } as const;

interface CreateOptions extends ConnectionOptions, TriggerFieldOptions {
  readonly id?: string;
  readonly secret?: string;
}

function defineCreate(triggers: Command): void {
  withConnection(
    withTriggerFields(
      triggers
        .command('create')
        .alias('add')
        .description(
          'Create a trigger, and print what to enter at the sender. Its secret is shown only once.',
        )
        .argument('<source>', `who calls: ${senders.join(', ')}`, oneOf('<source>', senders))
        .addOption(
          new Flag('--id <id>', 'id, which is part of the URL (default: a new one)', { field: 'id' }),
        )
        .addOption(
          new Flag('--secret <secret>', 'secret of the sender (default: a generated one)', {
            field: 'secret',
          }),
        ),
    ),
  )
    .addHelpText(
      'after',
      `
Examples:
  codebuddy triggers add github --events pull_request --prompt-file review.md
  codebuddy triggers add slack --events app_mention --secret "$SIGNING_SECRET" --prompt 'Answer the message.'
  codebuddy triggers add schedule --cron '0 9 * * 1-5' --time-zone Europe/Berlin --prompt 'List open TODOs.'`,
    )
    .action(async (sender: Sender, options: CreateOptions) => {
      const { prompt, signature, ...fields } = readTriggerFields(options);
      if (prompt === undefined) throw new UsageError('A trigger needs --prompt or --prompt-file.');
      const rules = sender === 'linear' ? { ...linear, ...signature } : signature;
      await withClient(options, async (client, signal) => {
        const created = await client.triggers.create(
          {
            source: sender === 'linear' ? 'hmac' : sender,
            prompt,
            ...fields,
            ...(rules === undefined ? {} : { signature: rules }),
            ...(options.id === undefined ? {} : { id: options.id }),
            ...(options.secret === undefined ? {} : { secret: options.secret }),
          },
          { signal },
        );
        if (options.json) return printJson(created);
        print(`Created trigger ${created.id}. Its runs are ${created.permissionMode}.`);
        if (created.secret !== null) complain('The secret is shown only once.');
        for (const line of setupLines(created, client.url)) print(line);
        const payload = created.path === null ? '' : ' --payload FILE';
        print(paint('dim', `To test it: codebuddy triggers test ${created.id}${payload}`));
      });
    });
  withConnection(
    withId(
      triggers
        .command('rotate')
        .description('Replace the secret of a trigger. The old one is accepted for 24 h.'),
      'trg',
    ).addOption(new Flag('--secret <secret>', 'new secret (default: a generated one)', { field: 'secret' })),
  ).action(async (id: string, options: ConnectionOptions & { readonly secret?: string }) => {
    await withClient(options, async (client, signal) => {
      const { secret } = options;
      const rotated = await client.triggers.rotateSecret(id, secret === undefined ? {} : { secret }, {
        signal,
      });
      if (options.json) return printJson(rotated);
      complain('Secret, shown only once:');
      print(oneLine(rotated.secret));
      if (rotated.previousValidUntil !== null)
        print(`The old secret is accepted until ${localTime(rotated.previousValidUntil)}.`);
    });
  });
}

function defineList(triggers: Command): void {
  withConnection(
    withPaging(triggers.command('list').description('List triggers and their last calls.')),
  ).action(async (options: ConnectionOptions & PageOptions) => {
    await withClient(options, async (client, signal) => {
      const answer = await client.triggers.list(pageQuery(options), { signal });
      if (options.json) return printJson(answer);
      printTable(
        ['ID', 'SOURCE', 'STATE', 'LAST CALL', 'NAME'],
        answer.triggers.map((trigger) => [
          trigger.id,
          trigger.source,
          stateOf(trigger),
          trigger.lastCall === null
            ? 'none'
            : `${trigger.lastCall.outcome} ${localTime(trigger.lastCall.receivedAt)}`,
          trigger.name,
        ]),
      );
      printNextPage(answer.nextCursor);
    });
  });
  withConnection(withId(triggers.command('show').description('Show a trigger.'), 'trg')).action(
    async (id: string, options: ConnectionOptions) => {
      await withClient(options, async (client, signal) => {
        const trigger = await client.triggers.get(id, { signal });
        if (options.json) printJson(trigger);
        else print(describe(trigger, client.url));
      });
    },
  );
  withConnection(
    withId(triggers.command('remove').description('Remove a trigger. Its runs go on.'), 'trg'),
  ).action(async (id: string, options: ConnectionOptions) => {
    await withClient(options, async (client, signal) => {
      await client.triggers.remove(id, { signal });
      if (options.json) printJson({ removed: id });
      else print(`Removed trigger ${id}.`);
    });
  });
}

interface UpdateOptions extends ConnectionOptions, TriggerFieldOptions {
  readonly enable?: boolean;
  readonly disable?: boolean;
}

function defineUpdate(triggers: Command): void {
  withConnection(
    withTriggerFields(
      withId(
        triggers
          .command('update')
          .description(
            'Update a trigger. Fields without a flag stay unchanged; a filter is replaced as a whole.',
          ),
        'trg',
      )
        .option('--enable', 'enable the trigger')
        .option('--disable', 'disable the trigger: its calls are refused'),
    ),
  ).action(async (id: string, options: UpdateOptions) => {
    if (options.enable && options.disable) throw new UsageError('--enable and --disable cannot be combined.');
    const patch = {
      ...readTriggerFields(options),
      ...(options.enable ? { enabled: true } : options.disable ? { enabled: false } : {}),
    };
    if (Object.keys(patch).length === 0)
      throw new UsageError('Nothing to change: use at least one flag that sets a field.');
    await withClient(options, async (client, signal) => {
      const trigger = await client.triggers.update(id, patch, { signal });
      if (options.json) printJson(trigger);
      else print(describe(trigger, client.url));
    });
  });
}

interface TestOptions extends ConnectionOptions {
  readonly payload?: string;
  readonly event?: string;
  readonly header?: readonly string[];
}

function defineTest(triggers: Command): void {
  withConnection(
    withId(
      triggers.command('test').description('Show what a call would do. Nothing is started or logged.'),
      'trg',
    )
      .option('--payload <file>', 'file with the body of the call (default: an empty object)')
      .addOption(
        new Flag('--event <event>', 'GitHub: the event, which it sends in a header', { field: 'event' }),
      )
      .addOption(
        new Flag('--header <header>', "header of the call, as 'Name: value'; may be repeated", {
          field: 'headers',
          parse: repeated((text: string) => text),
        }),
      ),
  )
    .addHelpText(
      'after',
      '\nExample:\n  codebuddy triggers test trg_… --event pull_request --payload event.json',
    )
    .action(async (id: string, options: TestOptions) => {
      const body = {
        ...(options.payload === undefined ? {} : { payload: readPayload(options.payload) }),
        ...(options.event === undefined ? {} : { event: options.event }),
        ...(options.header === undefined ? {} : { headers: readHeaders(options.header) }),
      };
      await withClient(options, async (client, signal) => {
        const result = await client.triggers.test(id, body, { signal });
        if (options.json) printJson(result);
        else {
          const words = result.reason === null ? '' : `: ${oneLine(result.reason)}`;
          print(`${paint(result.outcome === 'accepted' ? 'green' : 'yellow', result.outcome)}${words}`);
          if (result.event !== null) print(`event    ${oneLine(result.event)}`);
          if (result.sessionKey !== null) print(`session  ${oneLine(result.sessionKey)}`);
          if (result.prompt !== null) print(`mode     ${result.permissionMode}\n\n${result.prompt}`);
        }
        if (result.outcome === 'refused') process.exitCode = 1;
      });
    });
}

function readPayload(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`--payload ${file} cannot be read: ${fileFault(error)}.`);
  }
}

function readHeaders(lines: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf(':');
      if (at < 1) throw new UsageError(`--header must be 'Name: value', not ${JSON.stringify(line)}.`);
      return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    }),
  );
}

interface CallsOptions extends ConnectionOptions, PageOptions {
  readonly outcome?: TriggerCall['outcome'];
}

function defineCalls(triggers: Command): void {
  withConnection(
    withPaging(
      withId(
        triggers
          .command('calls')
          .description('List the calls of a trigger with their outcomes, newest first.'),
        'trg',
      ).addOption(
        new Flag('--outcome <outcome>', `only calls with this outcome: ${triggerOutcomes.join(', ')}`, {
          field: 'outcome',
          parse: oneOf('--outcome', triggerOutcomes),
        }),
      ),
    ),
  ).action(async (id: string, options: CallsOptions) => {
    await withClient(options, async (client, signal) => {
      const { outcome } = options;
      const answer = await client.triggers.listCalls(
        id,
        { ...pageQuery(options), ...(outcome === undefined ? {} : { outcome }) },
        { signal },
      );
      if (options.json) return printJson(answer);
      printTable(
        ['RECEIVED', 'OUTCOME', 'EVENT', 'ACTOR', 'RUN', 'REASON'],
        answer.calls.map((call) => [
          localTime(call.receivedAt),
          call.outcome,
          call.event ?? '',
          call.actor ?? '',
          call.runId ?? '',
          call.reason ?? '',
        ]),
      );
      printNextPage(answer.nextCursor);
    });
  });
}

function stateOf({ enabled, refusal }: Trigger): string {
  if (refusal !== null) return 'refused';
  return enabled ? 'enabled' : 'disabled';
}

function dataOf({ source, data }: Trigger): string | null {
  if (source === 'schedule') return null;
  if (data === null) return 'all fields';
  return data.length === 0 ? 'no fields' : data.join(', ');
}

function describe(trigger: Trigger, serverUrl: string): string {
  const { filter, limits, schedule, lastCall } = trigger;
  const lines: readonly (readonly [string, string | null])[] = [
    ['source', trigger.source],
    ['state', trigger.refusal === null ? stateOf(trigger) : `refused: ${trigger.refusal}`],
    ['url', trigger.path && serverUrl.replace(/\/$/, '') + trigger.path],
    ['schedule', schedule === undefined ? null : `${schedule.cron} (${schedule.timeZone ?? 'UTC'})`],
    ['next run', trigger.nextRunAt && localTime(trigger.nextRunAt)],
    ['description', trigger.description || null],
    ['filter', Object.keys(filter).length === 0 ? null : JSON.stringify(filter)],
    ['data', dataOf(trigger)],
    ['session', trigger.sessionKey ?? 'a new one for each call'],
    ['coalesce', trigger.coalesceKey],
    ['mode', trigger.permissionMode],
    ['limits', `${limits.perMinute} runs a minute, ${limits.perHour} an hour`],
    ['cost a day', limits.costPerDay === undefined ? null : `$${limits.costPerDay} at most`],
    ['old secret', trigger.previousSecretUntil && `until ${localTime(trigger.previousSecretUntil)}`],
    [
      'last call',
      lastCall && `${lastCall.outcome} ${localTime(lastCall.receivedAt)} ${lastCall.reason ?? ''}`,
    ],
    ['prompt', trigger.prompt],
  ];
  const rows = lines.flatMap(([title, value]) =>
    value === null ? [] : [`${title.padEnd(12)} ${oneLine(value)}`],
  );
  return `${paint('bold', oneLine(`${trigger.id}  ${trigger.name}`))}\n${rows.join('\n')}`;
}
