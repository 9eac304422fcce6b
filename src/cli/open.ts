// `codebuddy open`: opens the dashboard in the browser, signed in with a one-time code.

import type { Command } from 'commander';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { complain, print, printJson } from './output.ts';

interface OpenOptions extends ConnectionOptions {
  readonly print?: boolean;
}

export function define(open: Command): void {
  withConnection(
    open
      .description('Open the dashboard in the browser, signed in with your key.')
      .option('--print', 'print the link instead of opening it'),
  )
    .addHelpText(
      'after',
      `
The link signs in one browser, once, within 60 s. Over SSH, or without a desktop, the link is printed.

Examples:
  codebuddy open
  codebuddy open --print`,
    )
    .action(async (options: OpenOptions) => {
      await withClient(options, async (client, signal) => {
        const { code, expiresAt } = await client.signIn.createCode({ signal });
        const link = `${client.url}/#sign-in=${encodeURIComponent(code)}`;
        const obstacle = options.print ? undefined : whyNoBrowser(process.env, process.platform);
        const opened = !options.print && obstacle === undefined && (await openInBrowser(link));
        if (options.json) return printJson({ url: client.url, link, expiresAt, opened });
        if (opened) {
          print(`Opened ${client.url} in the browser.`);
          complain('No window? Use the link of: codebuddy open --print');
          return;
        }
        print(link);
        complain(`Open this link within 60 s. It can be used once.${hintFor(obstacle, client.url)}`);
      });
    });
}

type Obstacle = 'ssh' | 'no-desktop';

/** Returns undefined if a browser can probably be opened. */
function whyNoBrowser(environment: NodeJS.ProcessEnv, platform: NodeJS.Platform): Obstacle | undefined {
  const isSet = (name: string): boolean => (environment[name] ?? '') !== '';
  if (['SSH_CONNECTION', 'SSH_CLIENT', 'SSH_TTY'].some(isSet)) return 'ssh';
  if (platform === 'win32' || platform === 'darwin') return undefined;
  // In WSL, the browser of Windows opens.
  return ['DISPLAY', 'WAYLAND_DISPLAY', 'WSL_DISTRO_NAME'].some(isSet) ? undefined : 'no-desktop';
}

/** Returns false if the program that opens links cannot be started. */
async function openInBrowser(link: string): Promise<boolean> {
  // Loaded on demand: only this command needs it.
  const { default: open } = await import('open');
  try {
    await open(link);
    return true;
  } catch {
    // The link is printed instead.
    return false;
  }
}

function hintFor(obstacle: Obstacle | undefined, url: string): string {
  if (obstacle !== 'ssh') return '';
  const { port, hostname } = new URL(url);
  return ` To reach the server from your machine, first: ssh -L ${port}:${hostname}:${port} HOST`;
}
