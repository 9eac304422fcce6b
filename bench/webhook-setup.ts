// What the webhook parts share: one receiver process, webhooks that point to it, and payloads of about 1 KB.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type BenchResult, type BenchRow, wholeText } from './bench-result.ts';
import { onDisk } from './disk-folder.ts';
import { type ReceiverProcess, startReceiverProcess } from './receiver.ts';
import type { Spread } from './rounds.ts';
import { type SenderMode, type SenderOptions, type SenderReport, sender } from './webhook-sender.ts';

export const concurrency = 64;
/** A webhook has up to 8 requests at once: 8 have 64. */
export const hooksForAll = concurrency / 8;
export const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
/** With its envelope about 1 KB. */
export const payloadText = 'x'.repeat(790);

export const payload = JSON.stringify({
  id: 'evt_01M8529ZWPM8TS1P45K5Q0FDFJ',
  type: 'tool.start',
  event: 'tool.start',
  timestamp: new Date(0).toISOString(),
  sequence: 1000,
  data: { callId: 'call_1', tool: 'bash', params: { text: payloadText } },
});

export interface WebhookBench {
  readonly receiver: ReceiverProcess;
  /** A new folder of this name. */
  home(name: string): string;
  urls(count: number): readonly string[];
  /** Sends from a new process. A new home of this name is used, unless `home` is given. */
  send(
    mode: SenderMode,
    name: string,
    options: Pick<SenderOptions, 'urls' | 'durationMs'> & Partial<SenderOptions>,
  ): Promise<SenderReport>;
}

export function withReceiver(
  name: string,
  measure: (bench: WebhookBench) => Promise<readonly BenchRow[]>,
): Promise<BenchResult> {
  return onDisk(async (folder) => {
    const receiver = await startReceiverProcess();
    const home = (of: string): string => {
      mkdirSync(join(folder, of));
      return join(folder, of);
    };
    try {
      const rows = await measure({
        receiver,
        home,
        urls: (count) => Array.from({ length: count }, (_, i) => `${receiver.url}/${i}`),
        send: (mode, of, options) =>
          sender(mode, { ...options, home: options.home ?? home(of), secret, payloadText }),
      });
      return { name, rows };
    } finally {
      await receiver.stop();
    }
  });
}

export function ratesText(ours: Spread, name: string, theirs: Spread): string {
  return `${wholeText(ours.median)} / s, ${name} ${wholeText(theirs.median)} / s`;
}
