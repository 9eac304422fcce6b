// `codebuddy serve`: starts the server, prints how to reach it, and stops it cleanly.

import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { startWriterThread, type WriterThread } from '../app/early-thread.ts';
import type { App } from '../app.ts';
import { createRedactor } from '../base/redaction.ts';
import { shellQuote } from '../base/shell-quote.ts';
import { loadSettings } from '../config/load-settings.ts';
import type { Settings } from '../config/settings.ts';
import { report } from './exit-codes.ts';
import { type Reach, reachOf } from './network-address.ts';
import { complain, oneLine, paint, print, printJsonLine } from './output.ts';
import { define as defineFlags } from './serve-flags.ts';
import { settingFlags } from './setting-flags.ts';

/** The banner waits this long for the first requests: looking for a model and a sandbox takes a while. In ms. */
const bannerDelayMs = 20;

export function define(serve: Command): void {
  defineServe(serve);
}

/** `writerThread`: one that runs already. @default a new one */
export function defineServe(serve: Command, writerThread?: WriterThread): void {
  defineFlags(serve);
  serve.action((options) => start(options, writerThread));
}

async function start(options: { readonly json?: boolean }, runningThread?: WriterThread): Promise<void> {
  const { settings, origins } = loadSettings({ flags: settingFlags(options) });
  // It is for SQLite only.
  if (settings.database.kind !== 'sqlite') void runningThread?.terminate();
  const writerThread =
    settings.database.kind === 'sqlite' ? (runningThread ?? startWriterThread()) : undefined;
  const { createApp, createLogger, limitHeap, saveMemoryAtStart, trustedPath } = await import('../app.ts');
  limitHeap();
  const redactor = createRedactor();
  const environment = { ...process.env };
  // Libraries look up programs, too.
  process.env.PATH = trustedPath(process.env.PATH, settings.workspace);
  let ended: string | undefined;
  let stop: (() => void) | undefined;
  const logger = createLogger(settings.logLevel, process.stderr.isTTY === true, redactor);
  const app = await createApp(settings, {
    environment,
    onStoreOpen: saveMemoryAtStart,
    onSuperseded(message) {
      ended = message;
      stop?.();
    },
    logger,
    redactor,
    origins,
    ...(writerThread === undefined ? {} : { writerThread }),
  }).catch((error: unknown) => {
    // Exit even if something that is still open would keep the process alive.
    process.exit(report(error));
  });
  /** The node has logged the reason already, if warnings are logged. */
  const endedBy = (reason: string): number =>
    ['error', 'silent'].includes(settings.logLevel) ? report(new Error(reason)) : 1;
  // Before the start: a caller that sees the URL may stop the server at once.
  let stops = 0;
  stop = (): void => {
    stops++;
    if (stops > 1) process.exit(1);
    app.stop().then(
      () => process.exit(ended === undefined ? 0 : endedBy(ended)),
      (error: unknown) => process.exit(report(error)),
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  if (ended !== undefined) stop();
  try {
    await app.start();
    if (stops === 0) await announce(app, settings, { origins, json: options.json === true });
  } catch (error) {
    // A server that is being stopped has nothing to announce; `stop` ends the process.
    if (stops === 0) throw error;
  }
}

interface AnnounceOptions {
  readonly origins: ReturnType<typeof loadSettings>['origins'];
  readonly json: boolean;
}

/** Prints how to reach the server. */
async function announce(app: App, settings: Settings, { origins, json }: AnnounceOptions): Promise<void> {
  const reach = reachOf(settings.host, new URL(app.url).port);
  if (json) {
    const { urls, isLocal } = reach;
    const addresses = isLocal ? {} : { addresses: urls };
    printJsonLine({
      url: app.url,
      ...addresses,
      keyFile: app.keyFile,
      docs: `${app.url}/docs`,
      pid: process.pid,
    });
    if (!isLocal) complain(`codebuddy: Warning: ${notEncrypted}`);
  } else {
    await delay(bannerDelayMs);
    const [agent, model, sandbox, webhooks] = await Promise.all([
      app.describeAgent(),
      app.describeModel(),
      app.describeSandbox(),
      app.describeWebhooks(),
    ]);
    print(
      banner(app.url, app.keyFile, {
        workspace: settings.workspace,
        // A variable of another program may have selected it, so it is shown with its source.
        database:
          app.database === undefined ? '' : `  database   ${oneLine(app.database)} (${origins.database})\n`,
        agent,
        model,
        sandbox,
        webhooks,
        network: describeReach(reach),
        hasEnvironmentKey: settings.apiKey !== undefined,
      }),
    );
  }
}

const notEncrypted =
  'HTTP is not encrypted: others on the network can read keys, prompts and answers. Use a tunnel (ssh -L) or a proxy with TLS.';

/** Empty if the server listens on loopback only. */
function describeReach({ isLocal, urls }: Reach): string {
  if (isLocal) return '';
  const [first = 'no address found', ...others] = urls;
  const lines = [
    `  network    ${first}`,
    ...others.map((url) => `             ${url}`),
    '             (with an API key; other host names need --allowed-host)',
    `  ${paint('yellow', 'warning')}    ${notEncrypted}`,
  ];
  return `${lines.join('\n')}\n`;
}

interface BannerFacts {
  readonly webhooks: string | undefined;
  readonly workspace: string;
  readonly database: string;
  readonly agent: string | undefined;
  readonly model: string;
  readonly sandbox: string;
  readonly network: string;
  readonly hasEnvironmentKey: boolean;
}

function banner(
  url: string,
  keyFile: string,
  { workspace, database, agent, model, sandbox, webhooks, network, hasEnvironmentKey }: BannerFacts,
): string {
  const key = `-H "X-API-Key: $(cat ${quote(keyFile)})"`;
  const json = `-H 'Content-Type: application/json'`;
  return `${paint('bold', 'Code Buddy API')} is running at ${paint('cyan', url)}
${network}  workspace  ${workspace}
${database}${agent === undefined ? '' : `  agent      ${oneLine(agent)}\n`}  model      ${model}
  sandbox    ${sandbox}
  API key    in ${keyFile} (readable by you only; the CLI finds it)${hasEnvironmentKey ? '\n             CODEBUDDY_API_KEY is accepted, too, with every scope' : ''}
  dashboard  codebuddy open
  docs       ${url}/docs${webhooks === undefined ? '' : `\n  webhooks   ${oneLine(webhooks)}`}

Try in another terminal:
  curl -s ${url}/health
  curl -s ${url}/api/prompt ${key} ${json} -d '{"prompt":"list *.md"}'
  curl -s ${url}/api/sessions ${key}

Press Ctrl-C to stop it.
`;
}

/** Quotes a path for a POSIX shell, inside $(…). */
function quote(path: string): string {
  return /^[A-Za-z0-9/._-]+$/.test(path) ? path : shellQuote(path);
}
