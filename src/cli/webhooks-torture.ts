// `codebuddy webhooks torture`: a receiver that misbehaves, to test webhook senders.

import type { Command } from 'commander';
import { tcpPort, wholeNumber } from './option-values.ts';
import { oneLine, paint, print, printJsonLine } from './output.ts';

interface TortureFlags {
  readonly port: number;
  readonly host: string;
  readonly json?: boolean;
}

export function defineTorture(webhooks: Command): void {
  webhooks
    .command('torture')
    .description('Start a receiver that misbehaves in a different way on each path. Press Ctrl-C to stop it.')
    .option('--port <port>', 'TCP port; 0 picks a free one', wholeNumber('--port', tcpPort), 4444)
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--json', 'print JSON lines: first the URL, then each request')
    .addHelpText(
      'after',
      `
Examples:
  codebuddy webhooks torture
  codebuddy webhooks create http://127.0.0.1:4444/drip/103`,
    )
    .action(async ({ port, host, json }: TortureFlags) => {
      const { startTorture } = await import('../receiver/torture.ts');
      const { behaviours } = await import('../receiver/torture-behaviours.ts');
      const torture = await startTorture({
        host,
        port,
        onRequest({ path, headers, connection }) {
          const id = headers['webhook-id'] ?? '-';
          const attempt = headers['x-webhook-attempt'] ?? '-';
          if (json) printJsonLine({ path, id, attempt, connection });
          else
            print(
              `${oneLine(path.padEnd(24))} ${oneLine(id)}  attempt ${oneLine(attempt)}  connection ${connection}`,
            );
        },
      });
      if (json) printJsonLine({ url: torture.url });
      else {
        print(`${paint('bold', 'Torture receiver')} at ${paint('cyan', torture.url)}\n`);
        for (const { path, description } of behaviours) print(`  ${path.padEnd(22)} ${description}`);
        print('\nPress Ctrl-C to stop it.\n');
      }
      await new Promise<void>((resolve) => {
        process.once('SIGINT', () => resolve());
        process.once('SIGTERM', () => resolve());
      });
      await torture.close();
    });
}
