// `codebuddy prompt`: one prompt, its answer as it is made.

import { text as readAll } from 'node:stream/consumers';
import type { Command } from 'commander';
import { ApiError, type CodeBuddyClient, type PromptRequest, type StreamEvent } from '../client/index.ts';
import { shorten } from '../text.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { exitCodes, UsageError } from './exit-codes.ts';
import { ask, complain, oneLine, paint, printJson, printPieces } from './output.ts';

interface PromptOptions extends ConnectionOptions {
  readonly session?: string;
  readonly model?: string;
  readonly maxSteps?: string;
  readonly timeout?: string;
  readonly permissionMode?: string;
}

export function add(program: Command): void {
  withConnection(
    program
      .command('prompt')
      .description('Sends a prompt; the answer streams to standard output, what tools do to standard error.')
      .argument('<prompt...>', 'the prompt; - reads it from standard input')
      .option('--session <id>', 'go on with this session')
      .option('--model <model>', 'the model for this prompt')
      .option('--max-steps <n>', 'steps at most')
      .option('--timeout <seconds>', 'give up after this time')
      .option('--permission-mode <mode>', 'read-only, ask, auto-edit or full'),
  )
    .addHelpText(
      'after',
      `
Examples:
  codebuddy prompt 'list src/**/*.ts'
  codebuddy prompt help
  echo 'read README.md' | codebuddy prompt -
  codebuddy prompt --json 'run npm test' | jq -r .response`,
    )
    .action(async (words: readonly string[], options: PromptOptions) => {
      const prompt = words.length === 1 && words[0] === '-' ? await readAll(process.stdin) : words.join(' ');
      if (prompt.trim() === '') throw new UsageError('the prompt is empty');
      const request = toRequest(prompt, options);
      await withClient(options, async (client, signal) => {
        if (options.json) printJson(await client.prompt(request, { signal }));
        else await stream(client, request, signal);
      });
    });
}

function toRequest(prompt: string, options: PromptOptions): PromptRequest {
  const number = (name: string, value: string | undefined, factor = 1): number | undefined => {
    if (value === undefined) return undefined;
    const result = Math.round(Number(value) * factor);
    if (!Number.isFinite(result) || result < 1)
      throw new UsageError(`${name} is ${value}; it must be a positive number`);
    return result;
  };
  const runOptions = {
    model: options.model,
    maxSteps: number('--max-steps', options.maxSteps),
    timeoutMs: number('--timeout', options.timeout, 1000),
    permissionMode: options.permissionMode,
  };
  const given = Object.fromEntries(Object.entries(runOptions).filter(([, value]) => value !== undefined));
  return {
    prompt,
    ...(options.session === undefined ? {} : { sessionId: options.session }),
    // The server checks the values and names the field.
    ...(Object.keys(given).length === 0 ? {} : { options: given as NonNullable<PromptRequest['options']> }),
  };
}

async function stream(client: CodeBuddyClient, request: PromptRequest, signal: AbortSignal): Promise<void> {
  let streamed = false;
  let atLineStart = true;
  const pieces = printPieces();
  const write = (text: string): void => {
    pieces.write(text);
    if (text !== '') atLineStart = text.endsWith('\n');
  };
  const endLine = (): void => {
    pieces.end();
    if (!atLineStart) write('\n');
  };
  let ended = false;
  for await (const event of client.promptStream(request, { signal })) {
    const { type, data } = event;
    if (type === 'message.delta') {
      streamed = true;
      write(String(data.text));
    } else if (type === 'message.assistant') {
      if (!streamed) write(String(data.text));
      // What it says next is another message.
      endLine();
      streamed = false;
    } else if (type === 'permission.request') {
      endLine();
      await answer(client, data, signal);
    } else if (type === 'permission.resolved') complain(paint('dim', `· ${oneLine(String(data.decision))}`));
    else if (type === 'tool.start')
      complain(paint('dim', oneLine(`· ${data.tool} ${shorten(JSON.stringify(data.params), 120)}`)));
    else if (type === 'run.failed' || type === 'run.cancelled' || type === 'run.complete') {
      ended = true;
      endLine();
      finish(event);
    }
  }
  if (!ended) throw new Error('the stream ended before the run did');
}

/** Asks whoever sits at the terminal; where nobody does, says how it is answered. */
async function answer(
  client: CodeBuddyClient,
  { permissionId, tool, params, realPath, alwaysCovers, sandbox }: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<void> {
  const id = String(permissionId);
  // In full: whoever decides must see all that will run.
  const question = [
    `? ${tool}${sandbox === 'none' ? ' (without a sandbox)' : ''} ${JSON.stringify(params)}`,
    ...(realPath === undefined ? [] : [`  the file: ${realPath}`]),
    ...(alwaysCovers === undefined ? [] : [`  always would allow: ${alwaysCovers}`]),
  ]
    .map(oneLine)
    .join('\n');
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    complain(`${question}\n  waits for a permission: codebuddy permissions allow ${id}   (or: deny ${id})`);
    return;
  }
  try {
    const said = await ask(`${question}\n  allow? [y]es, [a]lways in this session, [N]o: `, signal);
    const word = said.trim().toLowerCase()[0];
    const decision = word === 'y' ? 'allow' : word === 'a' ? 'allow_always' : 'deny';
    await client.permissions.decide(id, { decision }, { signal });
  } catch (error) {
    // Somebody was quicker, or the time was up: the run goes on by itself.
    if (!(error instanceof ApiError && error.code === 'permission_resolved')) throw error;
  }
}

function finish(event: StreamEvent): void {
  if (event.type !== 'run.failed' && event.type !== 'run.cancelled') return;
  const why = event.type === 'run.failed' ? event.data.message : event.data.reason;
  complain(`codebuddy: ${oneLine(String(why))}`);
  process.exitCode = exitCodes.failed;
}
