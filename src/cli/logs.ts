// `codebuddy logs`: the log of a server that a command started in the background.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { fileError } from '../base/file-errors.ts';
import { ownFile } from '../base/home-paths.ts';
import { isRecord } from '../base/is-record.ts';
import { loadSettings } from '../config/load-settings.ts';
import { localTime } from './local-time.ts';
import { wholeNumber } from './option-values.ts';
import { oneLine, paint, print, printJsonLine } from './output.ts';
import { settingFlags, withSettings } from './setting-flags.ts';

interface LogOptions {
  readonly follow?: boolean;
  readonly lines: number;
  readonly json?: boolean;
}

const pollMs = 250;
const levels: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};

export function define(logs: Command): void {
  withSettings(logs, ['home'])
    .description(
      'Print the log of a server that a command started. A server that was started by hand logs to its terminal.',
    )
    .option('-f, --follow', 'print new lines as they come, until Ctrl-C')
    .option(
      '-n, --lines <n>',
      'print this many of the latest lines',
      wholeNumber('--lines', { minimum: 0, maximum: 1_000_000 }),
      200,
    )
    .option('--json', 'print JSON lines')
    .action(show);
}

async function show({ follow, lines, json, ...options }: LogOptions): Promise<void> {
  const { home } = loadSettings({ flags: settingFlags(options) }).settings;
  const path = ownFile(home, 'server.log');
  const write = (line: string): void => (json ? printJsonLine(parse(line)) : print(describe(line)));
  const reader = openLog(path);
  const found = reader.read();
  for (const line of lines === 0 ? [] : found.slice(-lines)) write(line);
  if (!follow) return;
  // Not fs.watchFile: it misses what is written before its first look at the file.
  for (;;) {
    await delay(pollMs);
    for (const line of reader.read()) write(line);
  }
}

/** Returns the complete lines since the last call, even if the file was replaced by a new one. */
function openLog(path: string): { read(): readonly string[] } {
  let place = { inode: 0, offset: 0 };
  let rest = Buffer.alloc(0);
  return {
    read() {
      let file: number;
      try {
        file = openSync(path, 'r');
      } catch (error) {
        const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
        // It is being replaced.
        if (isMissing && place.inode !== 0) return [];
        if (isMissing)
          throw new Error(
            `There is no log at ${path}. A server writes it if a command started it; codebuddy serve logs to its terminal.`,
          );
        throw fileError(path, 'cannot be read', error);
      }
      try {
        const { ino, size } = fstatSync(file);
        if (ino !== place.inode || size < place.offset) {
          place = { inode: ino, offset: 0 };
          rest = Buffer.alloc(0);
        }
        const chunk = Buffer.alloc(size - place.offset);
        const length = readSync(file, chunk, 0, chunk.length, place.offset);
        place = { ...place, offset: place.offset + length };
        const bytes = Buffer.concat([rest, chunk.subarray(0, length)]);
        const end = bytes.lastIndexOf('\n') + 1;
        rest = bytes.subarray(end);
        return bytes.toString('utf8', 0, end).split('\n').slice(0, -1);
      } finally {
        closeSync(file);
      }
    },
  };
}

function parse(line: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line);
    if (isRecord(value)) return value;
  } catch {
    // Startup errors are plain text.
  }
  return { text: line };
}

function describe(line: string): string {
  const { time, level, msg, text, ...rest } = parse(line);
  if (typeof time !== 'number') return oneLine(line);
  const name = (levels[Number(level)] ?? String(level)).padEnd(5);
  const more = Object.keys(rest).length === 0 ? '' : ` ${paint('dim', oneLine(JSON.stringify(rest)))}`;
  const said = msg === undefined ? '' : ` ${oneLine(String(msg))}`;
  return `${paint('dim', localTime(new Date(time).toISOString()))} ${oneLine(name)}${said}${more}`;
}
