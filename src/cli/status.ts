// `codebuddy status`: what the server is doing, on a few lines.

import type { Command } from 'commander';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { oneLine, print, printJson } from './output.ts';

export function add(program: Command): void {
  withConnection(program.command('status').description('Shows what the server is doing.')).action(
    async (options: ConnectionOptions) => {
      await withClient(options, async (client, signal) => {
        const status = await client.status({ signal });
        if (options.json) return printJson({ url: client.url, ...status });
        print(`running at    ${client.url} (pid ${status.pid}, version ${status.version}, node ${status.node})
up            ${formatSeconds(status.uptime)}
memory        ${(status.memory.rss / 1e6).toFixed(0)} MB
agent         ${oneLine(`${status.agent ?? 'none'}, model ${status.model ?? 'none'}`)}
sandbox       ${oneLine(status.sandbox?.detail ?? '-')}
active runs   ${status.activeRuns}${describeRefused(status.webhooks.refused)}`);
      });
    },
  );
}

function formatSeconds(seconds: number): string {
  const whole = Math.round(seconds);
  const [days, hours, minutes] = [
    Math.floor(whole / 86_400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60,
  ];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}

function describeRefused(refused = 0): string {
  if (refused === 0) return '';
  return `\nwebhooks      ${refused} refused, their deliveries wait; codebuddy webhooks list`;
}
