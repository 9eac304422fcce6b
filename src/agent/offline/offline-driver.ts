// The agent for when no model is configured: it does what a few plain commands say, with the real tools, at no cost and without
// a network, so that an integration can be built and tested. It says what it is; it never plays a language model.

import { CodeBuddyError } from '../../errors.ts';
import { cutHead } from '../../text.ts';
import type { Driver, DriverContext, DriverResult } from '../driver.ts';
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
    'To have a language model answer instead, set a provider’s key (as ANTHROPIC_API_KEY), start Ollama or LM Studio, or choose one',
    'with --model provider/name; `codebuddy doctor` says what was found. A host program can bring its own agent: see `onPrompt`.',
  ].join('\n');
}

const writing: readonly Command['kind'][] = ['run', 'write', 'replace'];

export function createOfflineDriver(): Driver {
  return {
    async respond(context) {
      const commands = parseCommands(context.prompt);
      // The commands are the caller's own words: they need what running a tool needs, and no permission beside that.
      if (!context.mayUseTools && commands.some(({ kind }) => kind !== 'help' && kind !== 'unknown')) {
        throw new CodeBuddyError(
          'insufficient_scope',
          'The commands of the offline agent run tools; the key needs the scope "tools" for that.',
        );
      }
      const done = context.isResumed ? await countDone(context) : 0;
      const maxSteps = context.options.maxSteps ?? Number.POSITIVE_INFINITY;
      let response = '';
      let finishReason: DriverResult['finishReason'] = 'stop';
      const say = (text: string): void => {
        response += text;
        context.say(text);
      };
      if (commands.length === 0) say(help());
      for (const [index, command] of commands.entries()) {
        context.signal.throwIfAborted();
        if (index < done) continue;
        if (index > done) say('\n\n');
        if (index >= maxSteps) {
          say(`Stopped: options.maxSteps is ${maxSteps}.`);
          finishReason = 'max_steps';
          break;
        }
        if (context.options.permissionMode === 'read-only' && writing.includes(command.kind)) {
          say(`Refused: ${command.kind} is not allowed in permission mode "read-only".`);
          finishReason = 'error';
          continue;
        }
        try {
          say(await perform(command, context));
        } catch (error) {
          if (!(error instanceof CodeBuddyError) || context.signal.aborted) throw error;
          say(`Failed: ${error.message}`);
          finishReason = 'error';
        }
      }
      return { response, model: offlineModel, finishReason };
    },
  };
}

/** Commands of this run that were carried out before it was cut off: each has left one message of its tool. */
async function countDone(context: DriverContext): Promise<number> {
  return (await context.ownMessages()).filter(({ role }) => role === 'tool').length;
}

/** The tools' results, as the tools of `agent/tools` return them. */
interface Results {
  readonly read_file: { readonly content: string };
  readonly glob: { readonly files: readonly string[]; readonly truncated: boolean };
  readonly list_directory: {
    readonly entries: readonly { name: string; kind: string }[];
    readonly truncated: boolean;
  };
  readonly search: {
    readonly matches: readonly { path: string; line: number; text: string }[];
    readonly truncated: boolean;
  };
  readonly bash: {
    readonly exitCode: number | null;
    readonly signal: string | null;
    readonly stdout: string;
    readonly stderr: string;
    readonly timedOut: boolean;
  };
  readonly write_file: { readonly path: string; readonly bytes: number; readonly created: boolean };
  readonly edit_file: { readonly path: string };
}

async function perform(command: Command, context: DriverContext): Promise<string> {
  const use = async <T extends keyof Results>(
    tool: T,
    params: Record<string, unknown>,
  ): Promise<Results[T]> => (await context.useTool({ tool, params, asks: false })) as Results[T];

  switch (command.kind) {
    case 'help':
      return help();
    case 'unknown':
      return `I did not understand ${JSON.stringify(cutHead(command.line, 200))}.\n\n${help()}`;
    case 'read':
      return (await use('read_file', { path: command.path })).content;
    case 'list': {
      if (command.pattern === undefined) {
        const { entries, truncated } = await use('list_directory', {});
        return lines(
          entries.map(({ name, kind }) => (kind === 'directory' ? `${name}/` : name)),
          truncated,
          'The folder is empty.',
        );
      }
      const { files, truncated } = await use('glob', { pattern: command.pattern });
      return lines(files, truncated, `No file matches ${command.pattern}.`);
    }
    case 'search': {
      const { matches, truncated } = await use('search', {
        pattern: command.text,
        literal: true,
        ...(command.glob === undefined ? {} : { glob: command.glob }),
      });
      const found = matches.map(({ path, line, text }) => `${path}:${line}: ${text}`);
      return lines(found, truncated, `No line holds ${JSON.stringify(command.text)}.`);
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

function lines(all: readonly string[], truncated: boolean, none: string): string {
  if (all.length === 0) return none;
  return truncated ? `${all.join('\n')}\n[… there are more …]` : all.join('\n');
}
