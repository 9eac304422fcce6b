// `codebuddy prompt`: one prompt, its answer as it is made.

import type { Command } from 'commander';
import { shorten } from '../base/text.ts';
import {
  ApiError,
  type CodeBuddyClient,
  type PromptRequest,
  ServerUnreachableError,
  type StreamEvent,
} from '../client/index.ts';
import { runEndEvents } from '../contract/event-catalogue.ts';
import { type PermissionMode, permissionModes } from '../contract/permission-mode.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { exitCodes, PromptFailure, report } from './exit-codes.ts';
import { idOf } from './id-argument.ts';
import { modelName, oneOf, seconds, wholeNumber } from './option-values.ts';
import { complain, oneLine, paint, printJson, printPieces } from './output.ts';
import { describeQuestion, questionOf } from './permission-question.ts';
import { readPrompt } from './prompt-input.ts';
import { cutOff, failureOf } from './prompt-outcome.ts';
import { findPlace, isOutside, type Place } from './prompt-place.ts';
import { askForDecision, findTerminal } from './terminal.ts';

interface PromptOptions extends ConnectionOptions {
  readonly session?: string;
  readonly model?: string;
  readonly maxSteps?: number;
  /** In ms. */
  readonly timeout?: number;
  readonly permissionMode?: PermissionMode;
  readonly wait?: boolean;
}

export function add(program: Command): void {
  withConnection(
    program
      .command('prompt')
      .description('Sends a prompt; the answer streams to standard output, what tools do to standard error.')
      .argument('<prompt...>', 'the prompt; what is piped in is added to it, - waits for it')
      .option('--session <id>', 'go on with this session', idOf('--session', 'ses'))
      .option('--model <model>', 'the model for this prompt', modelName)
      .option('--max-steps <n>', 'steps at most, 1 to 1000', wholeNumber('--max-steps', 1, 1000))
      .option('--timeout <seconds>', 'give up after this time', seconds('--timeout', 86_400))
      .option(
        '--permission-mode <mode>',
        permissionModes.join(', '),
        oneOf('--permission-mode', permissionModes),
      )
      .option('--wait', 'without a terminal: wait until somebody decides about a permission'),
  )
    .addHelpText(
      'after',
      `
The agent works in the server's workspace, whatever folder you are in.

Examples:
  codebuddy prompt 'list src/**/*.ts'
  codebuddy prompt help
  git diff | codebuddy prompt 'review this change'
  codebuddy prompt --json 'run npm test' | jq -r .response

Exit codes: 0 an answer, 1 no answer, or one that was cut off, 5 a tool needs a permission and there is no terminal: the run waits`,
    )
    .action(async (words: readonly string[], options: PromptOptions) => {
      const prompt = await readPrompt(words, process.stdin);
      await withClient(options, (client, signal) =>
        answer(client, toRequest(prompt, options), options, signal),
      );
    });
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

async function answer(
  client: CodeBuddyClient,
  request: PromptRequest,
  { json = false, wait = false }: PromptOptions,
  signal: AbortSignal,
): Promise<void> {
  const place = await findPlace(client, signal);
  tellPlace(place, json);
  const terminal = findTerminal();
  const writer = createWriter(json);
  const asking = createAsking(client, place, signal);
  let runId: string | undefined;
  let last: StreamEvent | undefined;
  try {
    // Only where nobody is asked: who ends the program at a question gives the run up.
    const keepWaiting = terminal === undefined && !wait;
    for await (const event of client.promptStream(request, { signal, keepWaiting })) {
      runId ??= event.runId;
      const { type, data } = event;
      if (type === 'permission.request') {
        writer.endLine();
        if (terminal === undefined && !wait) throw await permissionRequired(event, place);
        await asking.start(event, terminal);
      } else if (type === 'permission.resolved') {
        await asking.end(String(data.permissionId));
        if (!json) complain(paint('dim', `· ${oneLine(String(data.decision))}`));
      } else if (ends.has(type)) last = event;
      else writer.show(event);
    }
  } catch (error) {
    if (error instanceof ServerUnreachableError && runId !== undefined) throw cutOff(runId, error);
    throw error;
  } finally {
    await asking.endAll();
    if (terminal !== process.stdin) terminal?.destroy();
    writer.endLine();
  }
  if (last === undefined) throw cutOff(runId, undefined);
  finish(last, json);
}

const ends: ReadonlySet<string> = new Set(runEndEvents);

function tellPlace({ workspace, model, isLocal }: Place, json: boolean): void {
  if (workspace === undefined) return;
  if (!json)
    complain(paint('dim', oneLine(`· in ${workspace}${model === undefined ? '' : ` with ${model}`}`)));
  if (isLocal && isOutside(process.cwd(), workspace))
    complain(
      oneLine(
        `codebuddy: warning: this folder is outside of the server's workspace; the agent works in ${workspace}`,
      ),
    );
}

interface Writer {
  show(event: StreamEvent): void;
  endLine(): void;
}

/** With --json the answer is printed as a whole at the end. */
function createWriter(json: boolean): Writer {
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
      if (json) return;
      if (type === 'tool.start')
        complain(paint('dim', oneLine(`· ${data.tool} ${shorten(JSON.stringify(data.params), 120)}`)));
      else if (type === 'message.delta') {
        streamed = true;
        write(String(data.text));
      } else if (type === 'message.assistant') {
        if (!streamed) write(String(data.text));
        // What it says next is another message.
        endLine();
        streamed = false;
      }
    },
  };
}

interface Asking {
  /** Asks at the terminal, in the background: somebody elsewhere may be quicker. Without one, says how it is answered. */
  start(event: StreamEvent, terminal: NodeJS.ReadStream | undefined): Promise<void>;
  /** It was decided. */
  end(permissionId: string): Promise<void>;
  endAll(): Promise<void>;
}

function createAsking(client: CodeBuddyClient, place: Place, signal: AbortSignal): Asking {
  const open = new Map<string, { readonly controller: AbortController; readonly done: Promise<void> }>();
  // One question after the other.
  let previous = Promise.resolve();

  async function decide(id: string, question: string, terminal: NodeJS.ReadStream, ended: AbortSignal) {
    try {
      const decision = await askForDecision(question, terminal, ended);
      await client.permissions.decide(id, { decision }, { signal: ended });
    } catch (error) {
      // Somebody was quicker, or the time was up: the run goes on by itself.
      if (ended.aborted || (error instanceof ApiError && error.code === 'permission_resolved')) return;
      // Not thrown at anybody who waits for the stream; the run waits on.
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
        complain(`${text}\n  waits for a permission: ${howToAnswer(id)}`);
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

/** Nobody is there to ask. The run waits on, for whoever answers elsewhere. */
async function permissionRequired({ data, runId, sessionId }: StreamEvent, place: Place): Promise<Error> {
  const question = questionOf(data);
  complain(await describeQuestion(question, place.isLocal ? place.workspace : undefined));
  const { permissionId, tool, params } = question;
  const run = runId === undefined ? [] : [`then: codebuddy runs show ${runId}`];
  return new PromptFailure(
    'permission_required',
    `${tool} needs a permission, and there is no terminal to ask at; the run waits (--wait waits with it)`,
    {
      hints: [`decide: ${howToAnswer(permissionId)}`, ...run],
      more: { runId, sessionId, permission: { id: permissionId, tool, params } },
    },
  );
}

function finish(event: StreamEvent, json: boolean): void {
  const failure = failureOf(event);
  const isComplete = event.type === 'run.complete';
  if (isComplete && json) {
    const { runId, sessionId, data } = event;
    printJson({ ...data, sessionId, runId });
  }
  if (failure === undefined) return;
  // With --json the answer says by its finishReason what is wrong with it; a second document must not follow.
  if (!isComplete || !json) throw failure;
  complain(`codebuddy: ${oneLine(failure.message)}`);
  process.exitCode = exitCodes.failed;
}
