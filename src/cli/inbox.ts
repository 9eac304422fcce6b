// `codebuddy inbox`: what runs wait for, and the answers to questions of the agent and to calls of callers' tools.

import type { Command } from 'commander';
import type { InboxItem } from '../client/index.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { limits } from './field-limits.ts';
import { withId } from './id-argument.ts';
import { localTime } from './local-time.ts';
import { oneLine, print, printJson, printTable } from './output.ts';
import { UsageError } from './usage-error.ts';

interface ResultOptions extends ConnectionOptions {
  readonly error?: string;
}

export function define(inbox: Command): void {
  withConnection(
    inbox
      .command('list')
      .description('List permissions, questions and calls of callers’ tools that wait, oldest first.'),
  ).action(list);
  withConnection(
    withId(inbox.command('answer').description('Answer a question of the agent.'), 'qst').argument(
      '<text...>',
      'the answer: one of the choices, or any text',
    ),
  ).action(answer);
  withConnection(
    withId(inbox.command('result').description("Give the result of a call of a caller's tool."), 'tcl')
      .argument('[json]', 'the result as JSON')
      .option('--error <text>', 'say that the call failed, and why'),
  ).action(result);
}

async function list(options: ConnectionOptions): Promise<void> {
  await withClient(options, async (client, signal) => {
    const page = await client.inbox.list({ limit: limits.page.maximum }, { signal });
    if (options.json) return printJson(page);
    if (page.items.length === 0) return print('No run waits for anything.');
    printTable(['ID', 'RUN', 'KIND', 'UNTIL', 'WHAT', 'ANSWER WITH'], page.items.map(toRow));
  });
}

function toRow(item: InboxItem): readonly string[] {
  const until = (time: string | null): string => (time === null ? '-' : localTime(time));
  if (item.kind === 'permission') {
    const { id, runId, expiresAt, tool, params } = item.permission;
    const how = `codebuddy permissions allow ${id} (or: deny)`;
    return [id, runId, 'permission', until(expiresAt), `${tool} ${JSON.stringify(params)}`, how];
  }
  if (item.kind === 'question') {
    const { id, runId, expiresAt, question, choices } = item.question;
    const what = choices.length === 0 ? question : `${question} [${choices.join(' | ')}]`;
    return [id, runId, 'question', until(expiresAt), what, `codebuddy inbox answer ${id} TEXT`];
  }
  const { id, runId, expiresAt, tool, params } = item.toolCall;
  const what = `${tool} ${JSON.stringify(params)}`;
  return [id, runId, 'tool call', until(expiresAt), what, `codebuddy inbox result ${id} JSON`];
}

async function answer(id: string, words: readonly string[], options: ConnectionOptions): Promise<void> {
  await withClient(options, async (client, signal) => {
    const question = await client.inbox.answer(id, { answer: words.join(' ') }, { signal });
    if (options.json) printJson(question);
    else print(`${question.status}: ${oneLine(question.question)}`);
  });
}

async function result(
  id: string,
  json: string | undefined,
  { error, ...options }: ResultOptions,
): Promise<void> {
  if ((json === undefined) === (error === undefined))
    throw new UsageError('give either the result as JSON, or --error TEXT');
  const body = error === undefined ? { result: parse(json ?? '') } : { error };
  await withClient(options, async (client, signal) => {
    const call = await client.inbox.giveResult(id, body, { signal });
    if (options.json) printJson(call);
    else print(`${call.status}: ${oneLine(call.tool)}`);
  });
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new UsageError(`the result must be JSON; a text needs quotes, such as '"done"'. It is: ${json}`);
  }
}
