// `codebuddy webhooks listen`: prints events on this machine as they come, verified. Each running listener has a webhook of its own. The webhook
// stays when the listener stops, disabled, so that the next start first gets what was missed, in order.

import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import type { CodeBuddyClient } from '../client/index.ts';
import { ensureHome } from '../config/home-folder.ts';
import { loadSettings } from '../config/load-settings.ts';
import type { HeardEvent, Listener } from '../receiver/listener.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { type KeptListener, keepListener, readListener } from './listen-file.ts';
import { localClock } from './local-time.ts';
import { eventPattern, repeated, wholeNumber } from './option-values.ts';
import { complain, oneLine, paint, print, printJson, printJsonLine } from './output.ts';
import { UsageError } from './usage-error.ts';

interface ListenFlags extends ConnectionOptions {
  readonly name: string;
  readonly port?: number;
  readonly secret?: string;
  readonly event?: readonly string[];
  readonly forget?: boolean;
}

const defaultName = 'local listener';

export function add(webhooks: Command): void {
  withConnection(
    webhooks.command('listen').description('Prints events as a webhook brings them, until Ctrl-C.'),
  )
    .option('--name <name>', 'a listener of its own: name, secret and port stay the same', defaultName)
    .option(
      '--port <port>',
      'TCP port (default: the one of last time, else a free one)',
      wholeNumber('--port', 0, 65_535),
    )
    .option(
      '--secret <secret>',
      'what requests are signed with (default: the one of last time, else a new one)',
    )
    .option(
      '--event <type>',
      "only these, as run.complete or 'tool.*'; '*' for all; may be repeated (default: those of last time, else all)",
      repeated(eventPattern('--event')),
    )
    .option('--forget', 'remove this listener and its webhook, and end')
    .addHelpText(
      'after',
      `
Examples:
  codebuddy webhooks listen
  codebuddy webhooks listen --event 'run.*' --name ci
  codebuddy webhooks listen --forget

When it stops, its webhook is disabled but kept: the next start first delivers what was missed. A second listener that is started while one of the
same name runs gets a name and a webhook of its own ("ci 2").`,
    )
    .action(listen);
}

async function listen(options: ListenFlags): Promise<void> {
  const { home } = loadSettings({ flags: { home: options.home } }).settings;
  ensureHome(home);
  await withClient(options, async (client) => {
    if (options.forget) return forget(client, home, options, readListener(home, options.name));
    const opened = await open(home, options);
    const { name, secret, kept, listener } = opened;
    // From here on: a Ctrl-C before the webhook is there must not be lost.
    const stopped = stopSignal();
    try {
      const registered = await register(client, opened, options);
      keepListener(home, name, { secret, webhookId: registered.id, port: listener.port });
      const { id, missed, events } = registered;
      if (options.json) printJsonLine({ listening: listener.url, webhookId: id, missed, name, events });
      else {
        if (name !== options.name)
          print(`${quoted(options.name)} is running already; this listener is ${quoted(name)}.`);
        greet(listener.url, registered, kept !== undefined && options.event === undefined);
      }
      await stopped;
      await switchOff(client, registered.id, opened, options.json === true);
    } finally {
      await listener.close();
    }
  });
}

interface Opened {
  /** The asked one, or the next that no running listener has. */
  readonly name: string;
  readonly secret: string;
  readonly kept: KeptListener | undefined;
  readonly listener: Listener;
}

/** Takes the first name that is not in use: `ci`, `ci 2`, `ci 3`. Who holds the kept port holds the name. */
async function open(home: string, options: ListenFlags): Promise<Opened> {
  const { startListener } = await import('../receiver/listener.ts');
  const { isListening } = await import('../receiver/listener-proof.ts');
  const onEvent = options.json ? printJsonLine : (event: HeardEvent) => print(describe(event));
  for (let number = 1; ; number++) {
    const name = number === 1 ? options.name : `${options.name} ${number}`;
    const kept = readListener(home, name);
    const isTaken = async (): Promise<boolean> =>
      kept?.port !== undefined && (await isListening(kept.port, kept.secret));
    if (await isTaken()) continue;
    const secret = options.secret ?? kept?.secret ?? `whsec_${randomBytes(32).toString('base64')}`;
    const port = options.port === undefined ? kept?.port : options.port;
    try {
      const listener = await startListener({ secret, onEvent, ...(port === undefined ? {} : { port }) });
      return { name, secret, kept, listener };
    } catch (error) {
      // The port of last time may be another program's by now; one that was asked for must be had.
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || options.port !== undefined) throw error;
      // Or another listener was faster.
      if (await isTaken()) continue;
      return { name, secret, kept, listener: await startListener({ secret, onEvent }) };
    }
  }
}

interface Registered {
  readonly id: string;
  /** Events that are being delivered first; null for a new webhook. */
  readonly missed: number | null;
  readonly events: readonly string[];
}

async function register(
  client: CodeBuddyClient,
  { name, secret, kept, listener }: Opened,
  { event }: ListenFlags,
): Promise<Registered> {
  const known = kept?.webhookId === undefined ? undefined : await findWebhook(client, kept.webhookId);
  if (known === undefined) {
    const made = await client.webhooks.create({
      name,
      url: listener.url,
      secret,
      events: [...(event ?? ['*'])],
      ordered: true,
    });
    return { id: made.id, missed: null, events: made.events };
  }
  // Off first, if it is not: one that was killed left it on, and the wait after failures would go on.
  const updated = await client.webhooks.update(known, {
    url: listener.url,
    secret,
    enabled: false,
    ...(event === undefined ? {} : { events: [...event] }),
  });
  const { queued } = await client.webhooks.enable(known, { replayMissed: true });
  return { id: known, missed: queued + updated.state.pending, events: updated.events };
}

async function findWebhook(client: CodeBuddyClient, id: string): Promise<string | undefined> {
  try {
    return (await client.webhooks.get(id)).id;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Before the receiver is gone: what comes from here on is counted as missed. A webhook that sends elsewhere by now is not ours any more. */
async function switchOff(
  client: CodeBuddyClient,
  id: string,
  { name, listener }: Opened,
  isJson: boolean,
): Promise<void> {
  try {
    const url = await client.webhooks.get(id).then(
      (webhook) => webhook.url,
      (error: unknown) => {
        if (isNotFound(error)) return undefined;
        throw error;
      },
    );
    if (url !== listener.url) {
      if (!isJson && url !== undefined)
        complain(`\nThe webhook ${id} sends to ${url} now; it was left as it is.`);
      return;
    }
    await client.webhooks.update(id, { enabled: false });
  } catch (error) {
    // Often the server was stopped first. The next start switches it off and on again.
    const reason = error instanceof Error ? error.message : String(error);
    complain(`\nThe webhook ${id} could not be switched off: ${reason}`);
    return;
  }
  if (isJson) return;
  const which = name === defaultName ? '' : ` --name ${quoted(name)}`;
  complain(
    `\nThe webhook ${id} is kept, switched off. To remove it: codebuddy webhooks listen${which} --forget`,
  );
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'webhook_not_found';
}

function quoted(name: string): string {
  return JSON.stringify(name);
}

async function forget(
  client: CodeBuddyClient,
  home: string,
  { name, json }: ListenFlags,
  kept: KeptListener | undefined,
): Promise<void> {
  if (kept === undefined) throw new UsageError(`there is no listener ${JSON.stringify(name)}`);
  if (kept.webhookId !== undefined && (await findWebhook(client, kept.webhookId)) !== undefined)
    await client.webhooks.remove(kept.webhookId);
  keepListener(home, name, undefined);
  if (json) printJson({ forgot: name });
  else print(`forgot the listener ${oneLine(name)}`);
}

function greet(url: string, { id, missed, events }: Registered, isAsLastTime: boolean): void {
  print(`${paint('bold', 'Listening')} at ${paint('cyan', url)} (webhook ${id}); Ctrl-C stops.`);
  const all = events.includes('*');
  const more = isAsLastTime && !all ? ` (as last time; for all: --event '*')` : '';
  print(`Events: ${all ? 'all' : events.join(', ')}${more}`);
  if (missed !== null && missed > 0) print(`${missed} missed events are being delivered.`);
}

function describe({
  sequence,
  timestamp,
  type,
  latencyMs,
  verified,
  duplicate,
  attempt,
  sessionId,
}: HeardEvent): string {
  const time = paint('dim', `${String(sequence ?? '').padStart(6)} ${oneLine(localClock(timestamp ?? ''))}`);
  const latency = latencyMs === null ? '' : `${latencyMs} ms`;
  const mark = verified ? paint('green', 'verified') : paint('red', 'NOT VERIFIED');
  const more = [
    ...(sessionId === null ? [] : [sessionId]),
    ...(attempt > 1 ? [`attempt ${attempt}`] : []),
    ...(duplicate ? ['again'] : []),
  ].join(' ');
  return `${time} ${paint('cyan', oneLine(type).padEnd(17))} ${latency.padStart(9)}  ${mark}  ${oneLine(more)}`;
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
}
