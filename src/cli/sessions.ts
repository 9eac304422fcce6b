// `codebuddy sessions`: what was said and done.

import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { fileError } from '../base/file-errors.ts';
import type { Message } from '../client/index.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { idOf, withId } from './id-argument.ts';
import { localTime } from './local-time.ts';
import { oneOf, pageLimit, textOf } from './option-values.ts';
import { oneLine, paint, print, printJson, printTable } from './output.ts';
import { UsageError } from './usage-error.ts';

const formats = ['json', 'markdown'] as const;

interface ExportOptions extends ConnectionOptions {
  readonly format: (typeof formats)[number];
  readonly output?: string;
}

export function add(program: Command): void {
  const sessions = program
    .command('sessions')
    .description('Lists, shows, forks, exports and deletes sessions.');
  withConnection(sessions.command('list').description('Lists sessions, newest first.'))
    .option('--limit <n>', '1 to 200', pageLimit, 50)
    .option('--cursor <cursor>', 'the nextCursor of the page before')
    .action(async (options: ConnectionOptions & { readonly limit: number; readonly cursor?: string }) => {
      await withClient(options, async (client, signal) => {
        const query = {
          limit: options.limit,
          ...(options.cursor === undefined ? {} : { cursor: options.cursor }),
        };
        const answer = await client.sessions.list(query, { signal });
        if (options.json) return printJson(answer);
        printTable(
          ['ID', 'UPDATED', 'MESSAGES', 'STATUS', 'TITLE'],
          answer.sessions.map(({ id, updatedAt, messageCount, status, title }) => [
            id,
            localTime(updatedAt),
            String(messageCount),
            status,
            title,
          ]),
        );
        if (answer.nextCursor) print(paint('dim', `more: --cursor ${answer.nextCursor}`));
      });
    });
  withConnection(
    withId(sessions.command('show').description('Shows a session with its messages.'), 'ses'),
  ).action(async (id: string, options: ConnectionOptions) => {
    await withClient(options, async (client, signal) => {
      const session = await client.sessions.get(id, { signal });
      const messages: Message[] = [];
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const page = await client.sessions.messages(
          id,
          { limit: 200, ...(cursor === undefined ? {} : { cursor }) },
          { signal },
        );
        messages.push(...page.messages);
        cursor = page.nextCursor ?? null;
      }
      if (options.json) return printJson({ ...session, messages });
      print(
        `${paint('bold', oneLine(session.title))}\n${session.id}  ${session.status}  created ${localTime(session.createdAt)}\n`,
      );
      for (const { role, createdAt, content, tool } of messages) {
        const who = tool === undefined ? role : `${role} ${tool.name} ${JSON.stringify(tool.params)}`;
        print(`${paint('cyan', oneLine(who))} ${paint('dim', localTime(createdAt))}\n${content}\n`);
      }
    });
  });
  withConnection(
    withId(
      sessions.command('fork').description('Makes a new session that begins with the messages of this one.'),
      'ses',
    ),
  )
    .option('--message <id>', 'the last message to copy (default: all)', idOf('--message', 'msg'))
    .option('--title <title>', 'default: that of the session', textOf('--title', 1, 200))
    .action(async (id: string, options: ConnectionOptions & { message?: string; title?: string }) => {
      await withClient(options, async (client, signal) => {
        const { message, title } = options;
        const body = {
          ...(message === undefined ? {} : { messageId: message }),
          ...(title === undefined ? {} : { title }),
        };
        const session = await client.sessions.fork(id, body, { signal });
        if (options.json) printJson(session);
        else print(`${session.id} ${oneLine(session.title)}`);
      });
    });
  withConnection(
    withId(sessions.command('export').description('Prints a whole session, or writes it to a file.'), 'ses'),
  )
    .option('--format <format>', 'json or markdown', oneOf('--format', formats), 'json')
    .option('--output <file>', 'a file that is not there yet')
    .action(async (id: string, options: ExportOptions) => {
      const { format, output, json } = options;
      if (json && format === 'markdown' && output === undefined)
        throw new UsageError('--json and --format markdown: take one of them, or name a file with --output');
      await withClient(options, async (client, signal) => {
        const document = await client.sessions.export(id, { format }, { signal });
        if (output === undefined) return typeof document === 'string' ? print(document) : printJson(document);
        const text = typeof document === 'string' ? document : `${JSON.stringify(document, undefined, 2)}\n`;
        try {
          writeFileSync(output, text, { flag: 'wx' });
        } catch (error) {
          throw fileError(output, 'cannot be written', error);
        }
        if (json) printJson({ written: output });
        else print(`written to ${output}`);
      });
    });
  withConnection(
    withId(sessions.command('delete').description('Deletes a session with its messages and runs.'), 'ses'),
  ).action(async (id: string, options: ConnectionOptions) => {
    await withClient(options, async (client, signal) => {
      await client.sessions.delete(id, { signal });
      if (options.json) printJson({ deleted: id });
      else print(`deleted ${id}`);
    });
  });
}
