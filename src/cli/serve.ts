// `codebuddy serve`: starts the server, says how to reach it, stops it cleanly.

import type { Command } from 'commander';
import { createRedactor } from '../base/redaction.ts';
import { loadSettings } from '../config/load-settings.ts';
import type { Flags } from '../config/settings.ts';
import { report } from './exit-codes.ts';
import { type Reach, reachOf } from './network-address.ts';
import { complain, oneLine, paint, print, printJsonLine } from './output.ts';

interface ServeOptions {
  readonly port?: string;
  readonly host?: string;
  readonly home?: string;
  readonly workspace?: string;
  readonly model?: string;
  readonly permissionMode?: string;
  readonly sandbox?: string;
  readonly database?: string;
  readonly logLevel?: string;
  readonly cors?: string | boolean;
  readonly allowedHost?: readonly string[];
  readonly allowedTarget?: readonly string[];
  readonly json?: boolean;
}

export function add(program: Command): void {
  program
    .command('serve')
    .description('Starts the server. Settings: flag over environment over config.json over default.')
    .option('--port <port>', 'TCP port, 0 picks a free one (CODEBUDDY_PORT; default 3847)')
    .option('--host <host>', 'address to listen on (CODEBUDDY_HOST; default 127.0.0.1)')
    .option('--home <folder>', 'config folder (CODEBUDDY_HOME; default ~/.codebuddy)')
    .option(
      '--workspace <folder>',
      'the folder that tools may see and change (CODEBUDDY_WORKSPACE; default: this one)',
    )
    .option('--model <model>', 'provider/name, or several with commas between; offline (CODEBUDDY_MODEL)')
    .option(
      '--permission-mode <mode>',
      'read-only, ask, auto-edit or full (CODEBUDDY_PERMISSION_MODE; default ask)',
    )
    .option(
      '--sandbox <mode>',
      'how commands run: required, auto (in the sandbox where it works) or off (CODEBUDDY_SANDBOX; default auto)',
    )
    .option('--database <path>', 'SQLite file (DATABASE_URL; default api/codebuddy.db in the config folder)')
    .option('--log-level <level>', 'debug, info, warn, error, silent (CODEBUDDY_LOG_LEVEL; default info)')
    .option(
      '--cors [origins]',
      'let web pages of these origins in, separated by commas; without a list, of any',
    )
    .option('--allowed-host <name>', 'a further name that Host may hold; may be repeated', collect)
    .option(
      '--allowed-target <target>',
      'an address, CIDR or name that webhooks may go to beside public ones; may be repeated',
      collect,
    )
    .option('--json', 'print where the server is as one line of JSON')
    .addHelpText(
      'after',
      `
Examples:
  codebuddy serve
  codebuddy serve --port 0 --workspace ~/project
  CODEBUDDY_HOME=/srv/codebuddy codebuddy serve --host 0.0.0.0 --allowed-host build.example.org`,
    )
    .action(serve);
}

function collect(value: string, all: readonly string[] = []): readonly string[] {
  return [...all, value];
}

async function serve(options: ServeOptions): Promise<void> {
  const flags: Flags = {
    port: options.port,
    host: options.host,
    home: options.home,
    workspace: options.workspace,
    models: options.model,
    permissionMode: options.permissionMode,
    sandbox: options.sandbox,
    databasePath: options.database,
    logLevel: options.logLevel,
    enableCors: options.cors,
    allowedHosts: options.allowedHost,
    allowedTargets: options.allowedTarget,
  };
  const { settings, origins } = loadSettings({ flags });
  const { createApp, trustedPath } = await import('../app.ts');
  const { createLogger } = await import('../app/create-logger.ts');
  const redactor = createRedactor();
  const environment = { ...process.env };
  // Libraries look up programs as well.
  process.env.PATH = trustedPath(process.env.PATH, settings.workspace);
  const app = await createApp(settings, {
    environment,
    logger: createLogger(settings.logLevel, process.stderr.isTTY === true, redactor),
    redactor,
    modelsOrigin: origins.models,
  }).catch((error: unknown) => {
    // A server that cannot start must not linger, whatever is still open.
    process.exit(report(error));
  });
  // Before the first byte is answered: whoever sees the URL may also stop us.
  let stops = 0;
  const stop = (): void => {
    stops++;
    if (stops > 1) process.exit(1);
    app.stop().then(
      () => process.exit(0),
      (error: unknown) => process.exit(report(error)),
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  await app.start();
  const reach = reachOf(settings.host, new URL(app.url).port);
  if (options.json) {
    const { urls, isLocal } = reach;
    const addresses = isLocal ? {} : { addresses: urls };
    printJsonLine({
      url: app.url,
      ...addresses,
      keyFile: app.keyFile,
      docs: `${app.url}/docs`,
      pid: process.pid,
    });
    if (!isLocal) complain(`codebuddy: warning: ${notEncrypted}`);
  } else {
    const [model, sandbox, webhooks] = await Promise.all([
      app.describeModel(),
      app.describeSandbox(),
      app.describeWebhooks(),
    ]);
    print(
      banner(app.url, app.keyFile, {
        workspace: settings.workspace,
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
  'HTTP is not encrypted: others on the network can read keys, prompts and answers. Use a tunnel (ssh -L), or a proxy with TLS';

/** Nothing where only this machine gets in. */
function describeReach({ isLocal, urls }: Reach): string {
  if (isLocal) return '';
  const [first = 'no address yet', ...others] = urls;
  const lines = [
    `  others at  ${first}`,
    ...others.map((url) => `             ${url}`),
    '             with a key; another name than these needs --allowed-host',
    `  ${paint('yellow', 'warning')}    ${notEncrypted}`,
  ];
  return `${lines.join('\n')}\n`;
}

interface BannerFacts {
  readonly webhooks: string | undefined;
  readonly workspace: string;
  readonly model: string;
  readonly sandbox: string;
  readonly network: string;
  readonly hasEnvironmentKey: boolean;
}

function banner(
  url: string,
  keyFile: string,
  { workspace, model, sandbox, webhooks, network, hasEnvironmentKey }: BannerFacts,
): string {
  const key = `-H "X-API-Key: $(cat ${quote(keyFile)})"`;
  const json = `-H 'Content-Type: application/json'`;
  return `${paint('bold', 'Code Buddy API')} is running at ${paint('cyan', url)}
${network}  workspace  ${workspace}
  model      ${model}
  sandbox    ${sandbox}
  API key    in ${keyFile} (readable by you only; the CLI finds it)${hasEnvironmentKey ? '\n             CODEBUDDY_API_KEY holds too, and may do everything' : ''}
  docs       ${url}/docs${webhooks === undefined ? '' : `\n  webhooks   ${oneLine(webhooks)}`}

Try, in another terminal:
  curl -s ${url}/health
  curl -s ${url}/api/prompt ${key} ${json} -d '{"prompt":"list *.md"}'
  curl -s ${url}/api/sessions ${key}

Ctrl-C stops it.
`;
}

/** For a POSIX shell, inside $(…). */
function quote(path: string): string {
  return /^[A-Za-z0-9/._-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
