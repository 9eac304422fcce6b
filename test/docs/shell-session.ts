// Runs the commands of a block in one shell, as a reader would paste them, and compares what they print with what the
// block shows.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { WAIT_LIMIT_MS, waitFor } from '../wait-for.ts';

export interface Step {
  readonly command: string;
  /** What the block shows below the command. */
  readonly shown: readonly string[];
}

/** The commands of a `console` block, which begin with `$ `, or of a `sh` block, where each line is one. */
export function stepsOf(language: string, text: string): readonly Step[] {
  const steps: { command: string; shown: string[] }[] = [];
  let isContinued = false;
  for (const line of text.split('\n')) {
    const isCommand = language === 'sh' || line.startsWith('$ ');
    if (isContinued) (steps.at(-1) as { command: string }).command += `\n${line}`;
    else if (isCommand && line.trim() !== '') steps.push({ command: line.replace(/^\$ /, ''), shown: [] });
    else if (line.trim() !== '') steps.at(-1)?.shown.push(line);
    isContinued = (isCommand || isContinued) && line.endsWith('\\');
  }
  return steps;
}

/** Commands that run until Ctrl-C. */
const endless = /webhooks listen|webhooks torture|events tail|curl -sN|node examples\//;

export class ShellSession {
  readonly #shell: ChildProcessWithoutNullStreams;
  #output = '';

  constructor(environment: NodeJS.ProcessEnv, folder: string) {
    // A separate process group, so that endless commands end with it.
    this.#shell = spawn('bash', ['--norc', '-s'], { cwd: folder, env: environment, detached: true });
    this.#shell.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
    });
    // One pipe for both outputs keeps their order.
    this.#shell.stdin.write('exec 2>&1\nnpx() { "$@"; }\n');
  }

  /**
   * Runs a command and waits for its end; for an endless one, until it has printed what is shown. `whileRunning` makes
   * an endless command print something.
   */
  async run({ command, shown }: Step, whileRunning: () => Promise<unknown>): Promise<string> {
    this.#output = '';
    if (endless.test(command)) {
      this.#shell.stdin.write(`${command} </dev/null &\n`);
      let isProvoked = false;
      await waitFor(
        `the output of: ${command}`,
        async () => {
          if (!isProvoked && this.#output !== '') {
            isProvoked = true;
            await whileRunning();
          }
          return this.#output !== '' && missingLine(shown, this.#output) === undefined;
        },
        () => this.#output,
      );
      return this.#output;
    }
    const end = `end-${Math.random().toString(36).slice(2)}`;
    this.#shell.stdin.write(`{ ${command}\n} </dev/null\nprintf '\\n%s %s\\n' ${end} "$?"\n`);
    const found = await waitFor(
      `the end of: ${command}`,
      () => new RegExp(`^([\\s\\S]*)\\n${end} (\\d+)\\n`).exec(this.#output),
      () => this.#output,
    );
    return found[1] ?? '';
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#shell.once('close', resolve));
    if (this.#shell.pid !== undefined) process.kill(-this.#shell.pid, 'SIGKILL');
    await Promise.race([ended, sleep(WAIT_LIMIT_MS, undefined, { ref: false })]);
  }
}

/**
 * The first shown line that does not follow the lines before it in the output. The output may have more lines. Ids,
 * times, durations and spaces may differ, and `…` stands for anything.
 */
export function missingLine(shown: readonly string[], output: string): string | undefined {
  const lines = output.split('\n');
  let from = 0;
  for (const line of shown) {
    const pattern = patternOf(line);
    const found = lines.findIndex((other, index) => index >= from && pattern.test(other));
    if (found < 0) return line;
    from = found + 1;
  }
  return undefined;
}

function patternOf(line: string): RegExp {
  const source = line
    .trim()
    .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replace(/\b(ses|run|evt|whk|dlv|prm|req|nod|key)_[0-9A-Z]+/g, '$1_\\w+')
    .replace(/\\?…/g, '.*')
    .replace(/^\d+ (?=\d\d:\d\d:)/, '\\d+ ')
    .replace(/(\d{4}-\d\d-\d\dT)?\d\d:\d\d:\d\d(\\\.\d+)?(\\\+\d\d:\d\d)?/g, '[-T:.+\\d]+')
    .replace(/\d+(\\\.\d+)? (ms|s)\b/g, '[\\d.]+ $2')
    .replace(/127\\\.0\\\.0\\\.1:\d+/g, '127\\.0\\.0\\.1:\\d+')
    .replace(/\s+/g, '\\s+');
  return new RegExp(`^\\s*${source}\\s*$`);
}
