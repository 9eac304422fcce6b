// `codebuddy webhooks listen`: hears events on this machine as they come, verified. Its webhook stays when it stops, switched off, so that the
// next start first hears what was missed, in order.

import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import type { CodeBuddyClient } from '../client/index.ts';
import { ensureHome } from '../config/home-folder.ts';
import { loadSettings } from '../config/settings.ts';
import type { HeardEvent, Listener } from '../receiver/listener.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { UsageError } from './exit-codes.ts';
import { type KeptListener, keepListener, readListener } from './listen-file.ts';
import { complain, oneLine, paint, print, printJson, printJsonLine } from './output.ts';
import { collect } from './webhook-flags.ts';

interface ListenFlags extends ConnectionOptions {
  readonly name: string;
  readonly port?: string;
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
    .option('--port <port>', 'TCP port (default: the one of last time, else a free one)')
    .option(
      '--secret <secret>',
      'what requests are signed with (default: the one of last time, else a new one)',
    )
    .option('--event <type>', "only these, as run.complete or 'tool.*'; may be repeated", collect)
    .option('--forget', 'remove this listener and its webhook, and end')
    .addHelpText(
      'after',
      `
Examples:
  codebuddy webhooks listen
  codebuddy webhooks listen --event 'run.*' --name ci
  codebuddy webhooks listen --forget

When it stops, its webhook is switched off but kept: the next start first delivers what was missed.`,
    )
    .action(listen);
}

async function listen(options: ListenFlags): Promise<void> {
  const { home } = loadSettings({ flags: { home: options.home } }).settings;
  ensureHome(home);
  const { name } = options;
  if (options.port !== undefined && !/^\d{1,5}$/.test(options.port))
    throw new UsageError(`--port is ${options.port}; it must be a port`);
  const kept = readListener(home, name);
  await withClient(options, async (client) => {
    if (options.forget) return forget(client, home, options, kept);
    const secret = options.secret ?? kept?.secret ?? `whsec_${randomBytes(32).toString('base64')}`;
    const listener = await open(secret, options, kept);
    // From here on: a Ctrl-C before the webhook is there must not be lost.
    const stopped = stopSignal();
    try {
      const registered = await register(client, listener, { ...options, secret }, kept);
      keepListener(home, name, { secret, webhookId: registered.id, port: listener.port });
      if (options.json)
        printJsonLine({ listening: listener.url, webhookId: registered.id, missed: registered.missed });
      else greet(listener.url, registered);
      await stopped;
      await switchOff(client, registered.id, options);
    } finally {
      await listener.close();
    }
  });
}

async function open(secret: string, options: ListenFlags, kept: KeptListener | undefined): Promise<Listener> {
  const { startListener } = await import('../receiver/listener.ts');
  const onEvent = options.json ? printJsonLine : (event: HeardEvent) => print(describe(event));
  const wanted = options.port === undefined ? kept?.port : Number(options.port);
  try {
    return await startListener({ secret, onEvent, ...(wanted === undefined ? {} : { port: wanted }) });
  } catch (error) {
    // The port of last time may be another program's by now; one that was asked for must be had.
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || options.port !== undefined) throw error;
    return startListener({ secret, onEvent });
  }
}

interface Registered {
  readonly id: string;
  /** Events that are being delivered first; null for a new webhook. */
  readonly missed: number | null;
}

async function register(
  client: CodeBuddyClient,
  listener: Listener,
  { name, event, secret }: ListenFlags & { readonly secret: string },
  kept: KeptListener | undefined,
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
    return { id: made.id, missed: null };
  }
  // Off first, if it is not: one that was killed left it on, and the wait after failures would go on.
  const updated = await client.webhooks.update(known, {
    url: listener.url,
    secret,
    enabled: false,
    ...(event === undefined ? {} : { events: [...event] }),
  });
  const { queued } = await client.webhooks.enable(known, { replayMissed: true });
  return { id: known, missed: queued + updated.state.pending };
}

async function findWebhook(client: CodeBuddyClient, id: string): Promise<string | undefined> {
  try {
    return (await client.webhooks.get(id)).id;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'webhook_not_found') return undefined;
    throw error;
  }
}

/** Before the receiver is gone: what comes from here on is counted as missed. */
async function switchOff(client: CodeBuddyClient, id: string, { name, json }: ListenFlags): Promise<void> {
  try {
    await client.webhooks.update(id, { enabled: false });
  } catch (error) {
    // Often the server was stopped first. The next start switches it off and on again.
    const reason = error instanceof Error ? error.message : String(error);
    complain(`\nThe webhook ${id} could not be switched off: ${oneLine(reason)}`);
    return;
  }
  if (json) return;
  const which = name === defaultName ? '' : ` --name ${JSON.stringify(name)}`;
  complain(
    `\nThe webhook ${id} is kept, switched off. To remove it: codebuddy webhooks listen${oneLine(which)} --forget`,
  );
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

function greet(url: string, { id, missed }: Registered): void {
  print(`${paint('bold', 'Listening')} at ${paint('cyan', url)} (webhook ${id}); Ctrl-C stops.`);
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
  const time = paint(
    'dim',
    `${String(sequence ?? '').padStart(6)} ${oneLine(timestamp?.slice(11, 23) ?? '')}`,
  );
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
