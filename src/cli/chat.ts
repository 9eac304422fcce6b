// `codebuddy chat`: prompts and answers in the terminal, in one session.

import type { Command } from 'commander';
import { defaultHome } from '../base/home-paths.ts';
import { CodeBuddyApiError, type CodeBuddyClient } from '../client/index.ts';
import type { PermissionMode } from '../contract/permission-mode.ts';
import { askAgentQuestion } from './agent-question.ts';
import { type BusyKeys, watchKeys } from './busy-keys.ts';
import { type ChatState, runChatCommand } from './chat-commands.ts';
import { openChatHistory } from './chat-history.ts';
import { type ChatInput, createChatInput } from './chat-input.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { exitCodes, report } from './exit-codes.ts';
import { complain, oneLine, paint } from './output.ts';
import { failureOf } from './prompt-outcome.ts';
import { findPlace, tellPlace } from './prompt-place.ts';
import {
  agentFlag,
  checkSessionFlags,
  latestSession,
  modelFlag,
  permissionModeFlag,
  type SessionOptions,
  toRequest,
  withSession,
} from './prompt-request.ts';
import { showRun } from './prompt-run.ts';
import { askForDecision } from './terminal.ts';
import { UsageError } from './usage-error.ts';

interface ChatOptions extends ConnectionOptions, SessionOptions {
  readonly agent?: string;
  readonly model?: string;
  readonly permissionMode?: PermissionMode;
}

export function define(chat: Command): void {
  withConnection(
    withSession(chat)
      .description('Chat with the agent in the terminal: several prompts in one session.')
      .addOption(agentFlag())
      .addOption(modelFlag('model for the prompts'))
      .addOption(permissionModeFlag()),
    { json: false },
  )
    .addHelpText(
      'after',
      `
The agent works in the workspace of the server, not in the current folder. /help lists the commands of the chat.

Examples:
  codebuddy chat
  codebuddy chat -c --permission-mode auto-edit`,
    )
    .action(run);
}

async function run(options: ChatOptions, command: Command): Promise<void> {
  checkSessionFlags(options);
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true)
    throw new UsageError("chat needs a terminal. Without one, use: codebuddy prompt 'TEXT'");
  const state: ChatState = { session: options.session, agent: options.agent, model: options.model };
  await withClient(options, async (client, signal) => {
    const place = await findPlace(client, signal);
    if (options.continue) state.session = await latestSession(client, signal);
    if (state.session !== undefined)
      await checkSession(client, state.session, { agent: options.agent, signal });
    tellPlace(place, { agent: options.agent, json: false });
  });
  complain(paint('dim', '· /help lists the commands, Ctrl-D leaves'));
  const input = createChatInput(openChatHistory(options.home ?? defaultHome()));
  await talk({ options, command, state, input });
  // A failed prompt does not change the exit code of the chat.
  process.exitCode = exitCodes.ok;
}

/** @throws UsageError if it belongs to another agent */
async function checkSession(
  client: CodeBuddyClient,
  id: string,
  { agent, signal }: { readonly agent: string | undefined; readonly signal: AbortSignal },
): Promise<void> {
  try {
    const session = await client.sessions.get(id, { signal });
    if (agent !== undefined && agent !== session.agent)
      throw new UsageError(
        `Session ${id} belongs to the agent ${session.agent}. Leave out --agent, or start a new session.`,
      );
  } catch (error) {
    // A key with only the scope `prompt` may continue a session, but not read it.
    if (!(error instanceof CodeBuddyApiError && error.code === 'insufficient_scope')) throw error;
  }
}

interface Chat {
  readonly options: ChatOptions;
  readonly command: Command;
  readonly state: ChatState;
  readonly input: ChatInput;
}

async function talk(chat: Chat): Promise<void> {
  // The last key was Ctrl-C, so the next Ctrl-C leaves.
  let isInterrupted = false;
  for (;;) {
    const entry = await chat.input.read();
    if (entry.kind === 'end' || (entry.kind === 'interrupt' && isInterrupted)) return;
    isInterrupted = entry.kind === 'interrupt';
    if (isInterrupted) complain(paint('dim', '· press Ctrl-C again to leave'));
    if (entry.kind !== 'text' || entry.text.trim() === '') continue;
    try {
      const outcome = runChatCommand(entry.text, chat.state);
      if (outcome === 'leave') return;
      if (outcome === 'done') continue;
      isInterrupted = await whileBusy(chat, outcome === 'prompt' ? promptWith(entry.text, chat) : outcome);
    } catch (error) {
      report(error, chat.command);
    }
  }
}

type BusyWork = (client: CodeBuddyClient, signal: AbortSignal, keys: BusyKeys) => Promise<void>;

/** Errors are printed; the chat continues. Returns whether Ctrl-C ended the work. */
async function whileBusy({ options, command, input }: Chat, work: BusyWork): Promise<boolean> {
  const keys = watchKeys(process.stdin);
  let isCancelled = false;
  const onInterrupt = (): void => {
    // The work has not ended yet, for example because a server is being started.
    if (isCancelled) process.exit(exitCodes.interrupted);
    isCancelled = true;
  };
  process.on('SIGINT', onInterrupt);
  try {
    // A new client each time: the server may have been restarted, or may have to be started again.
    await withClient(options, (client, signal) => work(client, signal, keys));
  } catch (error) {
    if (isCancelled) complain(paint('dim', '· cancelled; press Ctrl-C again to leave'));
    else report(error, command);
  } finally {
    process.off('SIGINT', onInterrupt);
    input.keep(keys.end());
  }
  return isCancelled;
}

function promptWith(text: string, { options, state }: Chat): BusyWork {
  return async (client, signal, keys) => {
    const { session, model } = state;
    // A session has its agent.
    const agent = session === undefined ? state.agent : undefined;
    const request = toRequest(text, { session, agent, model, permissionMode: options.permissionMode });
    const end = await showRun(
      client,
      request,
      {
        format: 'text',
        place: await findPlace(client, signal),
        ask: async (question, ended) => {
          keys.pause();
          try {
            return await askForDecision(question, process.stdin, ended);
          } finally {
            keys.resume();
          }
        },
        reply: async (question, ended) => {
          keys.pause();
          try {
            return await askAgentQuestion(question, process.stdin, ended);
          } finally {
            keys.resume();
          }
        },
        wait: false,
        onSession: (id) => {
          state.session = id;
        },
      },
      signal,
    );
    const failure = failureOf(end);
    // An incomplete answer is continued by the next prompt; other failures have a command that continues.
    if (end.type === 'run.complete' && failure !== undefined)
      complain(`codebuddy: ${oneLine(failure.message)}`);
    else if (failure !== undefined) throw failure;
  };
}
