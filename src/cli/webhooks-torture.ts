// `codebuddy webhooks torture`: a receiver that misbehaves, to try any sender against.

import type { Command } from 'commander';
import { wholeNumber } from './option-values.ts';
import { oneLine, paint, print, printJsonLine } from './output.ts';

interface TortureFlags {
  readonly port: number;
  readonly host: string;
  readonly json?: boolean;
}

export function add(webhooks: Command): void {
  webhooks
    .command('torture')
    .description('Serves a receiver that misbehaves in every known way, one a path, until Ctrl-C.')
    .option('--port <port>', 'TCP port, 0 picks a free one', wholeNumber('--port', 0, 65_535), 4444)
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--json', 'print JSON lines: first where it is, then each request')
    .addHelpText(
      'after',
      `
Examples:
  codebuddy webhooks torture
  codebuddy webhooks add http://127.0.0.1:4444/drip/103`,
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
        print(`${paint('bold', 'A receiver that misbehaves')} at ${paint('cyan', torture.url)}\n`);
        for (const { path, description } of behaviours) print(`  ${path.padEnd(22)} ${description}`);
        print('\nCtrl-C stops it.\n');
      }
      await new Promise<void>((resolve) => {
        process.once('SIGINT', () => resolve());
        process.once('SIGTERM', () => resolve());
      });
      await torture.close();
    });
}
