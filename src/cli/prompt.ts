// `codebuddy prompt`: sends a prompt and prints the answer as it arrives.

import type { Command } from 'commander';
import { shorten } from '../base/text.ts';
import {
  CodeBuddyApiError,
  type CodeBuddyClient,
  CodeBuddyConnectionError,
  type PromptRequest,
  type StreamEvent,
} from '../client/index.ts';
import { runEndEvents } from '../contract/event-catalogue.ts';
import { type PermissionMode, permissionModes } from '../contract/permission-mode.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { exitCodes, PromptFailure, report } from './exit-codes.ts';
import { limits } from './field-limits.ts';
import { Flag } from './flag.ts';
import { idOf } from './id-argument.ts';
import { modelName, oneOf, repeated, seconds, wholeNumber } from './option-values.ts';
import { complain, oneLine, paint, printJson, printJsonLine, printPieces } from './output.ts';
import { type OutputFormat, outputFormatOf, outputFormats } from './output-format.ts';
import { describeQuestion, questionOf } from './permission-question.ts';
import { withFiles } from './prompt-files.ts';
import { readPrompt } from './prompt-input.ts';
import { cutOff, failureOf } from './prompt-outcome.ts';
import { findPlace, isOutside, type Place } from './prompt-place.ts';
import { askForDecision, findTerminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

interface PromptOptions extends ConnectionOptions {
  readonly session?: string;
  readonly continue?: boolean;
  readonly file?: readonly string[];
  readonly outputFormat?: OutputFormat;
  readonly model?: string;
  readonly maxSteps?: number;
  /** In ms. */
  readonly timeout?: number;
  readonly permissionMode?: PermissionMode;
  readonly wait?: boolean;
}

const { minimum: leastSteps, maximum: mostSteps } = limits.maxSteps;

export function define(prompt: Command): void {
  withConnection(
    prompt
      .description('Send a prompt. The answer is printed to standard output, tool calls to standard error.')
      .argument('<prompt...>', 'the prompt; piped input is appended; - waits for the end of piped input')
      .addOption(
        new Flag('--session <id>', 'continue this session', {
          field: 'sessionId',
          parse: idOf('--session', 'ses'),
        }),
      )
      .option('-c, --continue', 'continue the session of the latest run')
      .addOption(
        new Flag<readonly string[]>('--file <path>', 'append this text file to the prompt; may be repeated', {
          parse: repeated((path) => path),
        }),
      )
      .addOption(
        new Flag('--model <model>', 'model for this prompt', { field: 'options/model', parse: modelName }),
      )
      .addOption(
        new Flag('--max-steps <n>', `maximum number of model calls, ${leastSteps} to ${mostSteps}`, {
          field: 'options/maxSteps',
          parse: wholeNumber('--max-steps', limits.maxSteps),
        }),
      )
      .addOption(
        new Flag('--timeout <seconds>', 'time limit of the run', {
          field: 'options/timeoutMs',
          parse: seconds('--timeout', limits.timeoutMs),
        }),
      )
      .addOption(
        new Flag('--permission-mode <mode>', `permission mode: ${permissionModes.join(', ')}`, {
          field: 'options/permissionMode',
          parse: oneOf('--permission-mode', permissionModes),
        }),
      )
      .addOption(
        new Flag<OutputFormat>(
          '--output-format <format>',
          `${outputFormats.join(', ')} (each event as a line); --json is short for json`,
          { parse: oneOf('--output-format', outputFormats) },
        ),
      )
      .option('--wait', 'without a terminal, wait until a permission is decided elsewhere'),
  )
    .addHelpText(
      'after',
      `
The agent works in the workspace of the server, not in the current folder.

Examples:
  codebuddy prompt 'list src/**/*.ts'
  codebuddy prompt help
  git diff | codebuddy prompt 'review this change'
  codebuddy prompt -c 'and now write a test for it'
  codebuddy prompt --file build.log 'why does the build fail?'
  codebuddy prompt --json 'run npm test' | jq -r .response

Exit codes: 0 complete answer, 1 no answer or an incomplete one, 5 a tool needs permission and there is no terminal; the run waits`,
    )
    .action(async (words: readonly string[], options: PromptOptions) => {
      if (options.continue && options.session !== undefined)
        throw new UsageError('--continue and --session exclude each other.');
      const format = outputFormatOf(options);
      const said = await readPrompt(words, process.stdin);
      const prompt = withFiles(said, options.file ?? [], limits.prompt.maxLength);
      await withClient(options, async (client, signal) => {
        const session = options.continue ? await latestSession(client, signal) : options.session;
        const request = toRequest(prompt, { ...options, ...(session === undefined ? {} : { session }) });
        await answer(client, request, { format, wait: options.wait === true }, signal);
      });
    });
}

/** The session that was used last, which need not be the newest one. */
async function latestSession(client: CodeBuddyClient, signal: AbortSignal): Promise<string> {
  const { runs } = await client.runs.list({ limit: 1 }, { signal });
  const [latest] = runs;
  if (latest === undefined)
    throw new Error('There is no session to continue. Leave out --continue to start one.');
  return latest.sessionId;
}

function toRequest(prompt: string, options: PromptOptions): PromptRequest {
  const { session, model, maxSteps, timeout, permissionMode } = options;
  const runOptions = {
    ...(model === undefined ? {} : { model }),
    ...(maxSteps === undefined ? {} : { maxSteps }),
    ...(timeout === undefined ? {} : { timeoutMs: timeout }),
    ...(permissionMode === undefined ? {} : { permissionMode }),
  };
  return {
    prompt,
    ...(session === undefined ? {} : { sessionId: session }),
    ...(Object.keys(runOptions).length === 0 ? {} : { options: runOptions }),
  };
}

interface AnswerOptions {
  readonly format: OutputFormat;
  readonly wait: boolean;
}

async function answer(
  client: CodeBuddyClient,
  request: PromptRequest,
  { format, wait }: AnswerOptions,
  signal: AbortSignal,
): Promise<void> {
  const place = await findPlace(client, signal);
  tellPlace(place, format !== 'text');
  const terminal = findTerminal();
  const writer = createWriter(format);
  const asking = createAsking(client, place, signal);
  let runId: string | undefined;
  let last: StreamEvent | undefined;
  try {
    // Only without a terminal: Ctrl-C at a question cancels the run.
    const keepWaiting = terminal === undefined && !wait;
    for await (const event of client.stream(request, { signal, keepWaiting, resume: false })) {
      runId ??= event.runId;
      if (format === 'stream-json') printJsonLine(event);
      const { type, data } = event;
      if (type === 'permission.request') {
        writer.endLine();
        if (terminal === undefined && !wait) throw await permissionRequired(event, place);
        await asking.start(event, terminal);
      } else if (type === 'permission.resolved') {
        await asking.end(String(data.permissionId));
        if (format === 'text') complain(paint('dim', `· ${oneLine(String(data.decision))}`));
      } else if (ends.has(type)) last = event;
      else writer.show(event);
    }
  } catch (error) {
    if (error instanceof CodeBuddyConnectionError && runId !== undefined) throw cutOff(runId, error);
    throw error;
  } finally {
    await asking.endAll();
    if (terminal !== process.stdin) terminal?.destroy();
    writer.endLine();
  }
  if (last === undefined) throw cutOff(runId, undefined);
  finish(last, format);
}

const ends: ReadonlySet<string> = new Set(runEndEvents);

function tellPlace({ workspace, model, isLocal }: Place, json: boolean): void {
  if (workspace === undefined) return;
  if (!json)
    complain(paint('dim', oneLine(`· in ${workspace}${model === undefined ? '' : ` with ${model}`}`)));
  if (isLocal && isOutside(process.cwd(), workspace))
    complain(
      oneLine(
        `codebuddy: Warning: The current folder is outside of the server's workspace. The agent works in ${workspace}.`,
      ),
    );
}

interface Writer {
  show(event: StreamEvent): void;
  endLine(): void;
}

/** For `text`. As JSON, the answer is printed as a whole at the end, or with the events. */
function createWriter(format: OutputFormat): Writer {
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
  return {
    endLine,
    show({ type, data }) {
      if (format !== 'text') return;
      if (type === 'tool.start')
        complain(paint('dim', oneLine(`· ${data.tool} ${shorten(JSON.stringify(data.params), 120)}`)));
      else if (type === 'message.delta') {
        streamed = true;
        write(String(data.text));
      } else if (type === 'message.assistant') {
        if (!streamed) write(String(data.text));
        // The next text belongs to another message.
        endLine();
        streamed = false;
      }
    },
  };
}

interface Asking {
  /**
   * Asks at the terminal, in the background, since another client may decide first. Without a terminal, prints how to
   * decide.
   */
  start(event: StreamEvent, terminal: NodeJS.ReadStream | undefined): Promise<void>;
  /** Ends a question that was decided. */
  end(permissionId: string): Promise<void>;
  endAll(): Promise<void>;
}

function createAsking(client: CodeBuddyClient, place: Place, signal: AbortSignal): Asking {
  const open = new Map<string, { readonly controller: AbortController; readonly done: Promise<void> }>();
  // Asks one question at a time.
  let previous = Promise.resolve();

  async function decide(id: string, question: string, terminal: NodeJS.ReadStream, ended: AbortSignal) {
    try {
      const decision = await askForDecision(question, terminal, ended);
      await client.permissions.decide(id, { decision }, { signal: ended });
    } catch (error) {
      // Another client decided first, or time ran out: the run continues without this answer.
      if (ended.aborted || (error instanceof CodeBuddyApiError && error.code === 'permission_resolved'))
        return;
      // Not thrown: the stream continues, and the run is still waiting.
      process.exitCode = report(error);
    }
  }

  async function end(id: string): Promise<void> {
    const one = open.get(id);
    open.delete(id);
    one?.controller.abort();
    await one?.done;
  }

  return {
    end,
    async start({ data }, terminal) {
      const question = questionOf(data);
      const text = await describeQuestion(question, place.isLocal ? place.workspace : undefined);
      const id = question.permissionId;
      if (terminal === undefined) {
        complain(`${text}\n  waiting for permission: ${howToAnswer(id)}`);
        return;
      }
      const controller = new AbortController();
      const ended = AbortSignal.any([controller.signal, signal]);
      const done = previous.then(() => (ended.aborted ? undefined : decide(id, text, terminal, ended)));
      previous = done;
      open.set(id, { controller, done });
    },
    async endAll() {
      await Promise.all([...open.keys()].map(end));
    },
  };
}

function howToAnswer(id: string): string {
  return `codebuddy permissions allow ${id}   (or: deny ${id})`;
}

/** The error for a question that cannot be answered here. The run keeps waiting for an answer from elsewhere. */
async function permissionRequired({ data, runId, sessionId }: StreamEvent, place: Place): Promise<Error> {
  const question = questionOf(data);
  complain(await describeQuestion(question, place.isLocal ? place.workspace : undefined));
  const { permissionId, tool, params } = question;
  const run = runId === undefined ? [] : [`Then: codebuddy runs show ${runId}`];
  return new PromptFailure(
    'permission_required',
    `${tool} needs permission, and there is no terminal to ask at. The run is waiting; use --wait to wait for it.`,
    {
      hints: [`Decide: ${howToAnswer(permissionId)}`, ...run],
      more: { runId, sessionId, permission: { id: permissionId, tool, params } },
    },
  );
}

function finish(event: StreamEvent, format: OutputFormat): void {
  const failure = failureOf(event);
  const isComplete = event.type === 'run.complete';
  if (isComplete && format === 'json') {
    const { runId, sessionId, data } = event;
    printJson({ ...data, sessionId, runId });
  }
  if (failure === undefined) return;
  // As JSON, the answer has a finishReason; there must be no second document.
  if (!isComplete || format === 'text') throw failure;
  complain(`codebuddy: ${oneLine(failure.message)}`);
  process.exitCode = exitCodes.failed;
}
