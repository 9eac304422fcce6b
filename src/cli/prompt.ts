// `codebuddy prompt`: sends a prompt and prints the answer as it arrives.

import type { Command } from 'commander';
import type { CodeBuddyClient, PromptRequest, StreamEvent } from '../client/index.ts';
import { askAgentQuestion } from './agent-question.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { exitCodes } from './exit-codes.ts';
import { limits } from './field-limits.ts';
import { Flag } from './flag.ts';
import { oneOf, repeated, seconds, wholeNumber } from './option-values.ts';
import { complain, oneLine, printJson } from './output.ts';
import { type OutputFormat, outputFormatOf, outputFormats } from './output-format.ts';
import type { Ask, Reply } from './permission-asking.ts';
import { readImages, upload, withFiles } from './prompt-files.ts';
import { readPrompt } from './prompt-input.ts';
import { failureOf } from './prompt-outcome.ts';
import { findPlace, type Place, tellPlace } from './prompt-place.ts';
import {
  agentFlag,
  checkSessionFlags,
  latestSession,
  modelFlag,
  permissionModeFlag,
  type RequestOptions,
  type SessionOptions,
  toRequest,
  withSession,
} from './prompt-request.ts';
import { showRun } from './prompt-run.ts';
import { readSchema } from './read-schema.ts';
import { askForDecision, findTerminal } from './terminal.ts';
import { withWorkspace } from './workspace-flags.ts';

interface PromptOptions extends ConnectionOptions, SessionOptions, RequestOptions {
  readonly file?: readonly string[];
  readonly image?: readonly string[];
  readonly outputFormat?: OutputFormat;
  readonly wait?: boolean;
}

const { minimum: leastSteps, maximum: mostSteps } = limits.maxSteps;

export function define(prompt: Command): void {
  withConnection(
    withWorkspace(withSession(prompt), 'options/')
      .description('Send a prompt. The answer is printed to standard output, tool calls to standard error.')
      .argument('<prompt...>', 'the prompt; piped input is appended; - waits for the end of piped input')
      .addOption(
        new Flag<readonly string[]>(
          '--file <path>',
          'append this text file, or send this PDF or image with the prompt; may be repeated',
          {
            parse: repeated((path) => path),
          },
        ),
      )
      .addOption(
        new Flag<readonly string[]>('--image <path>', 'send this image with the prompt; may be repeated', {
          field: 'parts',
          parse: repeated((path) => path),
        }),
      )
      .addOption(agentFlag())
      .addOption(modelFlag('model for this prompt'))
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
      .addOption(permissionModeFlag())
      .addOption(
        new Flag<OutputFormat>(
          '--output-format <format>',
          `${outputFormats.join(', ')} (each event as a line); --json is short for json`,
          { parse: oneOf('--output-format', outputFormats) },
        ),
      )
      .addOption(
        new Flag<Readonly<Record<string, unknown>>>(
          '--schema <file>',
          'JSON Schema that the answer must match; see --json',
          { field: 'options/format/schema', parse: readSchema },
        ),
      )
      .option('--wait', 'without a terminal, wait until a permission is decided elsewhere'),
  )
    .addHelpText(
      'after',
      `
The agent works in the workspace of the server, not in the current folder, unless --workspace is given.

Examples:
  codebuddy prompt 'list src/**/*.ts'
  codebuddy prompt help
  git diff | codebuddy prompt 'review this change'
  codebuddy prompt --agent claude 'explain this repository'
  codebuddy prompt --worktree 'upgrade the dependencies'
  codebuddy prompt -c 'and now write a test for it'
  codebuddy prompt --file build.log 'why does the build fail?'
  codebuddy prompt --image shot.png --file report.pdf 'does the page match the report?'
  codebuddy prompt --json 'run npm test' | jq -r .response

Exit codes: 0 complete answer, 1 no answer or an incomplete one, 5 a tool needs permission and there is no terminal; the run waits`,
    )
    .action(async (words: readonly string[], options: PromptOptions) => {
      checkSessionFlags(options);
      const format = outputFormatOf(options);
      const said = await readPrompt(words, process.stdin);
      const { prompt, files } = withFiles(said, options.file ?? [], limits.prompt.maxLength);
      const all = [...readImages(options.image ?? []), ...files];
      await withClient(options, async (client, signal) => {
        const session = options.continue ? await latestSession(client, signal) : options.session;
        const parts = await upload(client, all, signal);
        const request = {
          ...toRequest(prompt, { ...options, session }),
          ...(parts.length === 0 ? {} : { parts }),
        };
        await answer(client, request, { format, wait: options.wait === true }, signal);
      });
    });
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
  const place = await placeOf(client, request, await findPlace(client, signal), signal);
  tellPlace(place, { agent: request.options?.agent, json: format !== 'text' });
  const terminal = findTerminal();
  const ask: Ask | undefined = terminal && ((question, ended) => askForDecision(question, terminal, ended));
  try {
    const reply: Reply | undefined =
      terminal && ((question, ended) => askAgentQuestion(question, terminal, ended));
    finish(await showRun(client, request, { format, place, ask, reply, wait }, signal), format);
  } finally {
    if (terminal !== process.stdin) terminal?.destroy();
  }
}

/** The place of the session that answers; its folder is not known if it is a new worktree. */
async function placeOf(
  client: CodeBuddyClient,
  { sessionId, options = {} }: PromptRequest,
  place: Place,
  signal: AbortSignal,
): Promise<Place> {
  if (sessionId !== undefined) {
    // The key may lack the scope `read`, and the run itself reports a session that does not exist.
    const session = await client.sessions.get(sessionId, { signal }).catch(() => undefined);
    return { ...place, workspace: session?.workspace ?? place.workspace };
  }
  if (options.worktree !== undefined) return { ...place, workspace: undefined };
  return { ...place, workspace: options.workspace ?? place.workspace };
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
