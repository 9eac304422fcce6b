// `codebuddy sessions`: what was said and done.

import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { Message } from '../client/index.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { UsageError } from './exit-codes.ts';
import { oneLine, paint, print, printJson, printTable } from './output.ts';

export function add(program: Command): void {
  const sessions = program
    .command('sessions')
    .description('Lists, shows, forks, exports and deletes sessions.');
  withConnection(sessions.command('list').description('Lists sessions, newest first.'))
    .option('--limit <n>', '1 to 200', '50')
    .option('--cursor <cursor>', 'the nextCursor of the page before')
    .action(async (options: ConnectionOptions & { readonly limit: string; readonly cursor?: string }) => {
      await withClient(options, async (client, signal) => {
        const query = {
          limit: Number(options.limit),
          ...(options.cursor === undefined ? {} : { cursor: options.cursor }),
        };
        const answer = await client.sessions.list(query, { signal });
        if (options.json) return printJson(answer);
        printTable(
          ['ID', 'UPDATED', 'MESSAGES', 'STATUS', 'TITLE'],
          answer.sessions.map(({ id, updatedAt, messageCount, status, title }) => [
            id,
            updatedAt,
            String(messageCount),
            status,
            title,
          ]),
        );
        if (answer.nextCursor) print(paint('dim', `more: --cursor ${answer.nextCursor}`));
      });
    });
  withConnection(
    sessions.command('show').description('Shows a session with its messages.').argument('<id>'),
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
        `${paint('bold', oneLine(session.title))}\n${session.id}  ${session.status}  created ${session.createdAt}\n`,
      );
      for (const { role, createdAt, content, tool } of messages) {
        const who = tool === undefined ? role : `${role} ${tool.name} ${JSON.stringify(tool.params)}`;
        print(`${paint('cyan', oneLine(who))} ${paint('dim', createdAt)}\n${content}\n`);
      }
    });
  });
  withConnection(
    sessions
      .command('fork')
      .description('Makes a new session that begins with the messages of this one.')
      .argument('<id>'),
  )
    .option('--message <id>', 'the last message to copy (default: all)')
    .option('--title <title>', 'default: that of the session')
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
    sessions
      .command('export')
      .description('Prints a whole session, or writes it to a file.')
      .argument('<id>'),
  )
    .option('--format <format>', 'json or markdown', 'json')
    .option('--output <file>', 'a file that is not there yet')
    .action(async (id: string, options: ConnectionOptions & { format: string; output?: string }) => {
      const { format, output } = options;
      if (format !== 'json' && format !== 'markdown')
        throw new UsageError(`--format is ${format}; it must be json or markdown`);
      await withClient(options, async (client, signal) => {
        const document = await client.sessions.export(id, { format }, { signal });
        if (output === undefined) return typeof document === 'string' ? print(document) : printJson(document);
        const text = typeof document === 'string' ? document : `${JSON.stringify(document, undefined, 2)}\n`;
        writeFileSync(output, text, { flag: 'wx' });
        print(`written to ${output}`);
      });
    });
  withConnection(
    sessions.command('delete').description('Deletes a session with its messages and runs.').argument('<id>'),
  ).action(async (id: string, options: ConnectionOptions) => {
    await withClient(options, async (client, signal) => {
      await client.sessions.delete(id, { signal });
      if (options.json) printJson({ deleted: id });
      else print(`deleted ${id}`);
    });
  });
}
