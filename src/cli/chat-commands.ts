// The commands of `codebuddy chat`: lines that start with a slash and a word.

import { didYouMean } from '../base/did-you-mean.ts';
import type { CodeBuddyClient } from '../client/index.ts';
import { idOf } from './id-argument.ts';
import { localTime } from './local-time.ts';
import { modelName } from './option-values.ts';
import { countOf, oneLine, print, printTable } from './output.ts';
import { UsageError } from './usage-error.ts';

/** The session, the agent and the model of the next prompt. */
export interface ChatState {
  /** Undefined before the first prompt of a session. */
  session: string | undefined;
  /** The agent of new sessions. Undefined for that of the server. */
  agent: string | undefined;
  /** Undefined for the default of the server. */
  model: string | undefined;
}

type Work = (client: CodeBuddyClient, signal: AbortSignal) => Promise<void>;

interface ChatCommand {
  readonly argument?: string;
  readonly description: string;
  /** Work that needs the server is returned, and not run. */
  readonly run: (argument: string, state: ChatState) => Work | 'done' | 'leave';
}

const maxListed = 20;

const chatCommands: Readonly<Record<string, ChatCommand>> = {
  '/new': {
    description: 'start a new session',
    run(_argument, state) {
      state.session = undefined;
      print('The next prompt starts a new session.');
      return 'done';
    },
  },
  '/sessions': {
    description: `list the latest ${maxListed} sessions; * marks the current one`,
    run: (_argument, state) => async (client, signal) => {
      const { sessions } = await client.sessions.list({ limit: maxListed }, { signal });
      printTable(
        ['', 'ID', 'UPDATED', 'MESSAGES', 'TITLE'],
        sessions.map(({ id, updatedAt, messageCount, title }) => [
          id === state.session ? '*' : ' ',
          id,
          localTime(updatedAt),
          String(messageCount),
          title,
        ]),
      );
    },
  },
  '/session': {
    argument: 'ID',
    description: 'continue this session; without ID, show the current one',
    run(argument, state) {
      const id = argument === '' ? state.session : idOf('/session', 'ses')(argument);
      if (id === undefined) return sayNoSession();
      return async (client, signal) => {
        const { title, messageCount } = await client.sessions.get(id, { signal });
        state.session = id;
        print(oneLine(`${id}, ${countOf(messageCount, 'message')}: ${title}`));
      };
    },
  },
  '/agent': {
    argument: 'NAME',
    description: 'start a new session with this agent; without NAME, show the current one',
    run(argument, state) {
      if (argument !== '') {
        state.agent = argument;
        state.session = undefined;
        print(oneLine(`The next prompt starts a new session with ${argument}.`));
        return 'done';
      }
      const { session, agent } = state;
      return async (client, signal) => {
        if (session !== undefined) return print((await client.sessions.get(session, { signal })).agent);
        const { agents } = await client.agents.list({ signal });
        print(oneLine(agent ?? `${agents.find(({ isDefault }) => isDefault)?.name} (default)`));
      };
    },
  },
  '/model': {
    argument: 'NAME',
    description: 'use this model from now on; without NAME, show the current one',
    run(argument, state) {
      if (argument !== '') {
        state.model = modelName('/model')(argument);
        print(oneLine(`The next prompts use ${state.model}.`));
        return 'done';
      }
      const { model } = state;
      if (model === undefined)
        return async (client, signal) => {
          const status = await client.status({ signal });
          print(
            oneLine(status.model === null ? 'The server chooses the model.' : `${status.model} (default)`),
          );
        };
      print(oneLine(model));
      return 'done';
    },
  },
  '/cost': {
    description: 'show the cost and the tokens of this session',
    run(_argument, { session }) {
      if (session === undefined) return sayNoSession();
      return async (client, signal) => {
        const { cost, usage } = await client.sessions.get(session, { signal });
        print(
          `$${cost}, ${countOf(usage.inputTokens, 'token')} in, ${countOf(usage.outputTokens, 'token')} out`,
        );
      };
    },
  },
  '/help': {
    description: 'show this help',
    run() {
      print(help());
      return 'done';
    },
  },
  '/exit': {
    description: 'leave the chat, like Ctrl-D',
    run: () => 'leave',
  },
};

/**
 * Runs a command, or returns `prompt` for any other line, even for a path such as `/etc/hosts`. Work that needs the
 * server is returned, and not run.
 * @throws UsageError for an unknown command or an invalid argument
 */
export function runChatCommand(line: string, state: ChatState): Work | 'done' | 'leave' | 'prompt' {
  const [, name = '', rest = ''] = /^(\/[A-Za-z?]*)(?:[ \t](.*))?$/.exec(line) ?? [];
  const argument = rest.trim();
  if (name === '') return 'prompt';
  const command = Object.hasOwn(chatCommands, name) ? chatCommands[name] : undefined;
  if (command === undefined)
    throw new UsageError(
      `Unknown command ${JSON.stringify(name)}${didYouMean(name, Object.keys(chatCommands)) || '.'} /help lists the commands; a space before / sends the line as a prompt.`,
    );
  if (argument !== '' && command.argument === undefined)
    throw new UsageError(`${name} takes no argument, but got ${JSON.stringify(argument)}.`);
  return command.run(argument, state);
}

function sayNoSession(): 'done' {
  print('There is no session yet. The next prompt starts one.');
  return 'done';
}

function help(): string {
  const rows = Object.entries(chatCommands).map(([name, { argument, description }]) => {
    const typed = argument === undefined ? name : `${name} ${argument}`;
    return `  ${typed.padEnd(14)}${description}`;
  });
  return [
    ...rows,
    '',
    'A line that ends with \\ continues on the next line. Pasted lines are one prompt.',
    'Ctrl-C cancels the run. If none is active, press Ctrl-C twice to leave.',
  ].join('\n');
}
