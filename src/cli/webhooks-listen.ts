// `codebuddy webhooks listen`: receives events on this machine, verifies and prints them. Each running listener has its
// own webhook. When the listener stops, its webhook is disabled and kept; the next start first delivers the missed
// events, in order.

import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import type { CodeBuddyClient } from '../client/index.ts';
import { ensureHome } from '../config/home-folder.ts';
import { loadSettings } from '../config/load-settings.ts';
import { webhookLimits } from '../contract/webhook-limits.ts';
import type { HeardEvent, Listener } from '../receiver/listener.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { Flag } from './flag.ts';
import { type KeptListener, keepListener, readListener } from './listen-file.ts';
import { localClock } from './local-time.ts';
import { eventPattern, repeated, tcpPort, textOf, wholeNumber } from './option-values.ts';
import { complain, countOf, oneLine, paint, print, printJson, printJsonLine } from './output.ts';
import { UsageError } from './usage-error.ts';

interface ListenFlags extends ConnectionOptions {
  readonly name: string;
  readonly port?: number;
  readonly secret?: string;
  readonly event?: readonly string[];
  readonly forget?: boolean;
}

const defaultName = 'local listener';

export function defineListen(webhooks: Command): void {
  withConnection(
    webhooks.command('listen').description('Receive and print events of a local webhook, until Ctrl-C.'),
  )
    .addOption(
      new Flag('--name <name>', 'name of the listener; it keeps its secret, port and events', {
        field: 'name',
        parse: textOf('--name', webhookLimits.name),
        defaultValue: defaultName,
      }),
    )
    .option(
      '--port <port>',
      'TCP port (default: the previous one, else a free one)',
      wholeNumber('--port', tcpPort),
    )
    .addOption(
      new Flag(
        '--secret <secret>',
        'secret that signs requests (default: the previous one, else a new one)',
        {
          field: 'secret',
        },
      ),
    )
    .addOption(
      new Flag(
        '--event <type>',
        "event type to receive, such as run.complete or 'tool.*'; may be repeated (default: the previous ones, else all)",
        { field: 'events', parse: repeated(eventPattern('--event')) },
      ),
    )
    .option('--forget', 'remove this listener and its webhook, then exit')
    .addHelpText(
      'after',
      `
Examples:
  codebuddy webhooks listen
  codebuddy webhooks listen --event 'run.*' --name ci
  codebuddy webhooks listen --forget

When the listener stops, its webhook is disabled and kept. The next start first delivers the missed events. If a listener of the same name is
running, the new one gets its own name ("ci 2") and webhook.`,
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
    // Before the webhook is created, or a Ctrl-C in between would be lost.
    const stopped = stopSignal();
    try {
      const registered = await register(client, opened, options);
      keepListener(home, name, { secret, webhookId: registered.id, port: listener.port });
      const { id, missed, events } = registered;
      if (options.json) printJsonLine({ listening: listener.url, webhookId: id, missed, name, events });
      else {
        if (name !== options.name)
          print(`A listener ${quoted(options.name)} is already running; this one is ${quoted(name)}.`);
        greet(listener.url, registered, kept !== undefined && options.event === undefined);
      }
      await stopped;
      await disable(client, registered.id, opened, options.json === true);
    } finally {
      await listener.close();
    }
  });
}

interface Opened {
  /** The requested name, or a numbered one if it is in use. */
  readonly name: string;
  readonly secret: string;
  readonly kept: KeptListener | undefined;
  readonly listener: Listener;
}

/**
 * Opens a listener under the first name that is not in use: `ci`, `ci 2`, `ci 3`. A name is in use if its listener
 * answers on the kept port.
 */
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
      // Another program may use the previous port by now. A port that the user chose is required.
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || options.port !== undefined) throw error;
      // Another listener may have been faster.
      if (await isTaken()) continue;
      return { name, secret, kept, listener: await startListener({ secret, onEvent }) };
    }
  }
}

interface Registered {
  readonly id: string;
  /** Number of missed events that are delivered first; null for a new webhook. */
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
    const created = await client.webhooks.create({
      name,
      url: listener.url,
      secret,
      events: [...(event ?? ['*'])],
      ordered: true,
    });
    return { id: created.id, missed: null, events: created.events };
  }
  // Disable it first: after a kill it is still enabled, and its back-off after failures would continue.
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

/**
 * Disables the webhook before the receiver closes, so that later events count as missed. A webhook with another URL by
 * now is left alone.
 */
async function disable(
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
        complain(`\nWebhook ${id} now sends to ${url} and was left unchanged.`);
      return;
    }
    await client.webhooks.update(id, { enabled: false });
  } catch (error) {
    // Usually the server was stopped first. The next start disables and enables the webhook again.
    const reason = error instanceof Error ? error.message : String(error);
    complain(`\nCould not disable webhook ${id}: ${reason}`);
    return;
  }
  if (isJson) return;
  const which = name === defaultName ? '' : ` --name ${quoted(name)}`;
  complain(`\nWebhook ${id} is disabled and kept. To remove it: codebuddy webhooks listen${which} --forget`);
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
  if (kept === undefined) throw new UsageError(`Listener ${quoted(name)} not found.`);
  if (kept.webhookId !== undefined && (await findWebhook(client, kept.webhookId)) !== undefined)
    await client.webhooks.remove(kept.webhookId);
  keepListener(home, name, undefined);
  if (json) printJson({ forgot: name });
  else print(`Removed listener ${oneLine(quoted(name))}.`);
}

function greet(url: string, { id, missed, events }: Registered, isAsLastTime: boolean): void {
  print(`${paint('bold', 'Listening')} at ${paint('cyan', url)} (webhook ${id}). Press Ctrl-C to stop.`);
  const all = events.includes('*');
  const more = isAsLastTime && !all ? ` (as before; for all events: --event '*')` : '';
  print(`Events: ${all ? 'all' : events.join(', ')}${more}`);
  if (missed !== null && missed > 0) print(`Delivering ${countOf(missed, 'missed event')}.`);
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
    ...(duplicate ? ['duplicate'] : []),
  ].join(' ');
  return `${time} ${paint('cyan', oneLine(type).padEnd(17))} ${latency.padStart(9)}  ${mark}  ${oneLine(more)}`;
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
}
