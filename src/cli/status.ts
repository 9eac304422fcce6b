// `codebuddy status`: the state of the server in a few lines.

import type { Command } from 'commander';
import type { CodeBuddyClient } from '../client/index.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { countOf, oneLine, print, printJson } from './output.ts';

export function define(status: Command): void {
  withConnection(status, { mayStart: false }).action(async (options: ConnectionOptions) => {
    await withClient(options, async (client, signal) => {
      const status = await client.status({ signal });
      if (options.json) return printJson({ url: client.url, ...status });
      print(`url           ${client.url} (pid ${status.pid}, version ${status.version}, Node.js ${status.node})
uptime        ${formatSeconds(status.uptime)}
memory        ${(status.memory.rss / 1e6).toFixed(0)} MB
agent         ${oneLine(`${status.agent ?? 'none'}, model ${status.model ?? 'none'}`)}
workspace     ${oneLine(status.workspace ?? 'none: the host application answers prompts')}
sandbox       ${oneLine(status.sandbox?.detail ?? '-')}
active runs   ${status.activeRuns}
${describeWebhooks(status.webhooks)}`);
    });
  });
}

type Status = Awaited<ReturnType<CodeBuddyClient['status']>>;

/** The webhooks that need attention, one per line. */
function describeWebhooks({
  enabled,
  pending,
  refused = 0,
  attention = [],
  setAside = [],
}: Status['webhooks']): string {
  if (!enabled) return 'webhooks      none';
  const first = [
    `webhooks      ${countOf(pending, 'delivery', 'deliveries')} pending`,
    ...(refused > 0 ? [`${refused} refused`] : []),
    ...(attention.length + setAside.length > 0 ? ['need attention:'] : []),
  ].join('; ');
  const rows = attention.map(({ id, name, status, detail }) =>
    oneLine(`              ${id} ${name}: ${status}. ${detail}`),
  );
  const files = setAside.map((file) =>
    oneLine(`              ${file} could not be used; repair or remove it`),
  );
  return [first, ...rows, ...files].join('\n');
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
