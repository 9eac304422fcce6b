// The driver used if no model is configured. It runs a few plain commands with the real tools, at no cost and without a
// network, so that integrations can be built and tested. It never pretends to be a language model.

import { CodeBuddyError } from '../../base/errors.ts';
import { isRecord } from '../../base/is-record.ts';
import { cutHead } from '../../base/text.ts';
import type { Driver, DriverContext, DriverResult } from '../driver.ts';
import { cannotSee } from '../models/model-abilities.ts';
import { createOutputCheck, outputInvalid } from '../output/output-check.ts';
import { createAnswer } from './answer.ts';
import { CommandQueue, type ToolCommand, usesTool } from './command-queue.ts';
import { type Command, commandForms, parseCommands } from './parse-command.ts';

export const offlineModel = 'offline';

const introduction =
  'I am the offline agent of Code Buddy API, not a language model: I run the commands below with the real tools of this server.';

function help(): string {
  const width = Math.max(...commandForms.map(([form]) => form.length));
  const forms = commandForms.map(([form, meaning]) => `  ${form.padEnd(width)}  ${meaning}`);
  return [
    introduction,
    '',
    ...forms,
    '',
    'Several lines are several commands. Verbs may be in any case; parts with spaces may be quoted.',
    'To have a language model answer instead, set a provider’s key (such as ANTHROPIC_API_KEY), start Ollama or LM Studio, or choose one',
    'with --model provider/name; `codebuddy doctor` shows what was found. A host application can use its own agent: see `onPrompt`.',
  ].join('\n');
}

/** Limit of commands in one prompt; the same as that of `options.maxSteps`. */
const maxCommands = 1000;

export function createOfflineDriver(): Driver {
  return {
    checkCaller({ prompt, mayUseTools, images }) {
      if (images.length > 0) throw cannotSee(offlineModel, images);
      if (!mayUseTools) requireNoTools(parseCommands(prompt));
    },
    checkSteer({ text, mayUseTools }) {
      if (!mayUseTools) requireNoTools(parseCommands(text));
    },
    async respond(context) {
      const commands = parseCommands(await context.prompt());
      if (!context.mayUseTools) requireNoTools(commands);
      const toolCommands = commands.filter(usesTool).length;
      if (toolCommands > maxCommands) {
        const message = `has ${toolCommands} commands; the offline agent runs at most ${maxCommands} of one prompt`;
        throw new CodeBuddyError('validation_failed', `The prompt ${message}. None was run.`, {
          errors: [{ in: 'body', pointer: '/prompt', message }],
        });
      }
      const done = context.isResumed ? await countDone(context) : 0;
      const earlier = context.isResumed ? await context.ownSteers() : [];
      const maxSteps = context.options.maxSteps ?? Number.POSITIVE_INFINITY;
      const answer = createAnswer(context.say);
      let finishReason: DriverResult['finishReason'] = 'stop';
      const files = await filesOf(context);
      if (files !== '') answer.add(files);
      if (commands.length === 0) answer.add(help());
      const queue = new CommandQueue({ context, commands, done, earlier });
      for (;;) {
        const command = await queue.next();
        if (command === undefined) break;
        if (command.kind === 'unknown') {
          answer.addUnknown(command.line);
          continue;
        }
        if (command.kind === 'help') {
          answer.addHelp(help());
          continue;
        }
        context.signal.throwIfAborted();
        if (queue.steps <= done) continue;
        if (queue.steps > maxSteps) {
          await context.refuseMessages();
          answer.add(`Stopped: options.maxSteps is ${maxSteps}.`);
          finishReason = 'max_steps';
          break;
        }
        try {
          answer.add(await perform(command, context, queue.steps));
        } catch (error) {
          if (!(error instanceof FailedCommand)) throw error;
          answer.add(error.message);
          finishReason = 'error';
        }
      }
      answer.end(help());
      const response = answer.text;
      const { format } = context.options;
      if (format === undefined) return { response, model: offlineModel, finishReason };
      const output = createOutputCheck(format)(response);
      if (output.kind === 'invalid') {
        await context.keepPartial(response, offlineModel);
        throw outputInvalid(output.fault, response, 'The offline agent does not try again.');
      }
      return { response, data: output.data, model: offlineModel, finishReason };
    },
  };
}

/**
 * Commands come from the caller itself: they need the scope that a direct tool call needs, and no further permission.
 * @throws CodeBuddyError `insufficient_scope`
 */
function requireNoTools(commands: readonly Command[]): void {
  // Questions, and calls of the caller's own tools, use no tool of the server.
  const free: readonly Command['kind'][] = ['help', 'unknown', 'ask', 'call'];
  if (commands.every(({ kind }) => free.includes(kind))) return;
  throw new CodeBuddyError(
    'insufficient_scope',
    'Commands of the offline agent run tools, which requires a key with the scope "tools".',
  );
}

/** Counts the commands that were run before the run was interrupted: each has one tool message. */
async function countDone(context: DriverContext): Promise<number> {
  return (await context.ownMessages()).filter(({ role }) => role === 'tool').length;
}

/** Names the files of the prompt, so that an integration sees that they came through. */
async function filesOf(context: DriverContext): Promise<string> {
  const own = await context.ownMessages();
  const parts = own.find(({ role }) => role === 'user')?.parts ?? [];
  return parts
    .flatMap(({ type, name, mediaType, size }) =>
      type === 'text' ? [] : [`Got ${name} (${mediaType}, ${size} bytes).`],
    )
    .join('\n');
}

interface Completeness {
  readonly truncated: boolean;
  /** The reasons, such as `depth` or `time`. */
  readonly truncatedBy?: readonly string[];
  readonly withheld?: number;
}

/** The results of the built-in tools. */
interface Results {
  readonly read_file: { readonly content: string };
  readonly glob: { readonly files: readonly string[] } & Completeness;
  readonly list_directory: { readonly entries: readonly { name: string; kind: string }[] } & Completeness;
  readonly search: {
    readonly matches: readonly { path: string; line: number; text: string }[];
  } & Completeness;
  readonly bash: {
    readonly exitCode: number | null;
    readonly signal: string | null;
    readonly stdout: string;
    readonly stderr: string;
    readonly timedOut: boolean;
  };
  readonly write_file: { readonly path: string; readonly bytes: number; readonly created: boolean };
  readonly edit_file: { readonly path: string };
  readonly ask_user: { readonly answer: string };
}

/** A command whose tool failed or was denied; its message is a part of the answer. */
class FailedCommand extends Error {
  constructor(cause: unknown) {
    const isDenied = cause instanceof CodeBuddyError && cause.code === 'permission_denied';
    super(`${isDenied ? 'Refused' : 'Failed'}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

/** `step`: the number of the command. */
async function perform(command: ToolCommand, context: DriverContext, step: number): Promise<string> {
  const place = `step ${step}`;
  const callTool = async (tool: string, params: Record<string, unknown>): Promise<unknown> => {
    const outcome = await context.useTool({ tool, params, place, asks: false });
    if (!outcome.ok) throw new FailedCommand(outcome.error);
    return outcome.result;
  };
  const use = async <T extends keyof Results>(
    tool: T,
    params: Record<string, unknown>,
  ): Promise<Results[T]> => (await callTool(tool, params)) as Results[T];

  switch (command.kind) {
    case 'ask': {
      const { question, choices } = command;
      const { answer } = await use('ask_user', choices.length === 0 ? { question } : { question, choices });
      return `You answered: ${answer}`;
    }
    case 'call': {
      const result = await callTool(command.tool, parseInput(command.input));
      return typeof result === 'string' ? result : (JSON.stringify(result) ?? 'null');
    }
    case 'read':
      return (await use('read_file', { path: command.path })).content;
    case 'list': {
      if (command.pattern === undefined) {
        const { entries, ...completeness } = await use('list_directory', {});
        return lines(
          entries.map(({ name, kind }) => (kind === 'directory' ? `${name}/` : name)),
          completeness,
          'The folder is empty.',
        );
      }
      const { files, ...completeness } = await use('glob', { pattern: command.pattern });
      return lines(files, completeness, `No file matches ${command.pattern}.`);
    }
    case 'search': {
      const { matches, ...completeness } = await use('search', {
        pattern: command.text,
        literal: true,
        ...(command.glob === undefined ? {} : { glob: command.glob }),
      });
      const found = matches.map(({ path, line, text }) => `${path}:${line}: ${text}`);
      return lines(found, completeness, `No line contains ${JSON.stringify(command.text)}.`);
    }
    case 'run': {
      const { exitCode, signal, stdout, stderr, timedOut } = await use('bash', { command: command.command });
      const end = timedOut ? 'timed out' : signal === null ? `exit code ${exitCode}` : `ended by ${signal}`;
      return `${[stdout, stderr]
        .map((text) => text.trimEnd())
        .filter((text) => text !== '')
        .concat(`[${end}]`)
        .join('\n')}`;
    }
    case 'write': {
      const { path, bytes, created } = await use('write_file', {
        path: command.path,
        content: command.content,
      });
      return `${created ? 'Created' : 'Replaced'} ${path} (${bytes} bytes).`;
    }
    case 'replace': {
      const { path } = await use('edit_file', {
        path: command.path,
        oldText: command.oldText,
        newText: command.newText,
      });
      return `Changed ${path}.`;
    }
  }
}

function parseInput(input: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(input);
    if (isRecord(value)) return { ...value };
  } catch {
    // Reported below.
  }
  throw new FailedCommand(
    new CodeBuddyError('validation_failed', `the parameters must be a JSON object: ${cutHead(input, 200)}`),
  );
}

function lines(
  all: readonly string[],
  { truncated, truncatedBy = [], withheld = 0 }: Completeness,
  none: string,
): string {
  const limits = truncatedBy.filter((why) => why !== 'results');
  const note =
    limits.length > 0
      ? `[… the search is incomplete: ${limits.join(', ')} …]`
      : '[… more results are left out …]';
  return [
    all.length === 0 ? none : all.join('\n'),
    ...(truncated ? [note] : []),
    ...(withheld === 0 ? [] : [`[${withheld} withheld: a deny rule forbids reading]`]),
  ].join('\n');
}
