// `codebuddy sessions`: conversations with their messages and runs.

import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { fileError } from '../base/file-errors.ts';
import type { Message, SearchHit } from '../client/index.ts';
import { agentNameSchema, builtinAgent, presetAgents } from '../contract/agent-names.ts';
import { type MessageRole, messageRoles } from '../contract/message.ts';
import { type ArchivedFilter, archivedFilters } from '../contract/search.ts';
import { type ExportFormat, exportFormats } from '../contract/session.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { limits } from './field-limits.ts';
import { Flag } from './flag.ts';
import { idOf, withId } from './id-argument.ts';
import { localTime } from './local-time.ts';
import { oneOf, textOf } from './option-values.ts';
import { oneLine, paint, print, printJson, printTable } from './output.ts';
import { type PageOptions, pageQuery, printNextPage, withPaging } from './paging.ts';
import { readPrompt } from './prompt-input.ts';
import { modelFlag } from './prompt-request.ts';
import { UsageError } from './usage-error.ts';
import { type WorkspaceOptions, withWorkspace, workspaceFields } from './workspace-flags.ts';

interface ExportOptions extends ConnectionOptions {
  readonly format: ExportFormat;
  readonly output?: string;
}

interface ListOptions extends ConnectionOptions, PageOptions {
  readonly agent?: string;
  readonly archived: ArchivedFilter;
}

interface SearchOptions extends ConnectionOptions, PageOptions {
  readonly session?: string;
  readonly role?: MessageRole;
  readonly archived: ArchivedFilter;
}

function archivedFlag(defaultValue: ArchivedFilter): Flag {
  return new Flag('--archived <filter>', `archived sessions: ${archivedFilters.join(', ')}`, {
    field: 'archived',
    parse: oneOf('--archived', archivedFilters),
    defaultValue,
  });
}

export function define(sessions: Command): void {
  withConnection(
    withPaging(sessions.command('list').description('List sessions, newest first.')).addOption(
      new Flag('--agent <name>', 'only sessions of this agent', {
        field: 'agent',
        parse: textOf('--agent', agentNameSchema),
        words: [builtinAgent, ...presetAgents],
      }),
    ),
  )
    .addOption(archivedFlag('false'))
    .action(async (options: ListOptions) => {
      await withClient(options, async (client, signal) => {
        const answer = await client.sessions.list(
          {
            ...pageQuery(options),
            archived: options.archived,
            ...(options.agent === undefined ? {} : { agent: options.agent }),
          },
          { signal },
        );
        if (options.json) return printJson(answer);
        printTable(
          ['ID', 'UPDATED', 'MESSAGES', 'STATUS', 'AGENT', 'TITLE'],
          answer.sessions.map(({ id, updatedAt, messageCount, status, archived, agent, title }) => [
            id,
            localTime(updatedAt),
            String(messageCount),
            archived ? `${status}, archived` : status,
            agent,
            title,
          ]),
        );
        printNextPage(answer.nextCursor);
      });
    });
  withConnection(
    withWorkspace(sessions.command('create').description('Create a session.'), '')
      .addOption(
        new Flag('--title <title>', 'title of the session', {
          field: 'title',
          parse: textOf('--title', limits.sessionTitle),
        }),
      )
      .addOption(
        new Flag('--agent <name>', 'agent that answers; see "codebuddy agents"', {
          field: 'agent',
          parse: textOf('--agent', agentNameSchema),
          words: [builtinAgent, ...presetAgents],
        }),
      ),
  ).action(
    async (
      options: ConnectionOptions & WorkspaceOptions & { readonly title?: string; readonly agent?: string },
    ) => {
      const { title, agent } = options;
      const fields = workspaceFields(options);
      await withClient(options, async (client, signal) => {
        const session = await client.sessions.create(
          {
            ...(title === undefined ? {} : { title }),
            ...(agent === undefined ? {} : { agent }),
            ...fields,
          },
          { signal },
        );
        if (options.json) return printJson(session);
        print(`${session.id} ${oneLine(session.title)}`);
        const { worktree } = session;
        print(
          paint(
            'dim',
            oneLine(
              `in ${session.workspace}${worktree === undefined ? '' : `, on branch ${worktree.branch}`}`,
            ),
          ),
        );
      });
    },
  );
  withConnection(
    withId(sessions.command('show').description('Show a session with its messages.'), 'ses'),
  ).action(async (id: string, options: ConnectionOptions) => {
    await withClient(options, async (client, signal, line) => {
      const session = await client.sessions.get(id, { signal });
      const messages: Message[] = [];
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const page = await client.sessions.messages(
          id,
          { limit: 200, ...(cursor === undefined ? {} : { cursor }) },
          { signal },
        );
        messages.push(...page.messages);
        line.say(`Reading messages: ${messages.length} of ${session.messageCount}`);
        cursor = page.nextCursor ?? null;
      }
      if (options.json) return printJson({ ...session, messages });
      print(
        `${paint('bold', oneLine(session.title))}\n${session.id}  ${session.status}  ${session.agent}  created ${localTime(session.createdAt)}${session.origin === 'rest' ? '' : `  origin ${session.origin}`}\n`,
      );
      for (const { role, createdAt, content, tool } of messages) {
        const who = tool === undefined ? role : `${role} ${tool.name} ${JSON.stringify(tool.params)}`;
        print(`${paint('cyan', oneLine(who))} ${paint('dim', localTime(createdAt))}\n${content}\n`);
      }
    });
  });
  withConnection(
    withId(
      sessions.command('fork').description('Create a session that starts with the messages of this one.'),
      'ses',
    ),
  )
    .addOption(
      new Flag('--message <id>', 'last message to copy (default: copy all messages)', {
        field: 'messageId',
        parse: idOf('--message', 'msg'),
      }),
    )
    .addOption(
      new Flag('--title <title>', 'title of the new session (default: the same title)', {
        field: 'title',
        parse: textOf('--title', limits.sessionTitle),
      }),
    )
    .action(async (id: string, options: ConnectionOptions & { message?: string; title?: string }) => {
      await withClient(
        options,
        async (client, signal) => {
          const { message, title } = options;
          const body = {
            ...(message === undefined ? {} : { messageId: message }),
            ...(title === undefined ? {} : { title }),
          };
          const session = await client.sessions.fork(id, body, { signal });
          if (options.json) printJson(session);
          else print(`${session.id} ${oneLine(session.title)}`);
        },
        'Copying the messages',
      );
    });
  withConnection(
    withId(sessions.command('export').description('Print a whole session, or write it to a file.'), 'ses'),
  )
    .addOption(
      new Flag('--format <format>', exportFormats.join(' or '), {
        field: 'format',
        parse: oneOf('--format', exportFormats),
        defaultValue: 'json',
      }),
    )
    .option('--output <file>', 'file to write; it must not exist')
    .action(async (id: string, options: ExportOptions) => {
      const { format, output, json } = options;
      if (json && format === 'markdown' && output === undefined)
        throw new UsageError(
          '--json and --format markdown need a file: add --output FILE, or remove one of them.',
        );
      await withClient(
        options,
        async (client, signal) => {
          const document = await client.sessions.export(id, { format }, { signal });
          if (output === undefined)
            return typeof document === 'string' ? print(document) : printJson(document);
          const text =
            typeof document === 'string' ? document : `${JSON.stringify(document, undefined, 2)}\n`;
          try {
            writeFileSync(output, text, { flag: 'wx' });
          } catch (error) {
            throw fileError(output, 'cannot be written', error);
          }
          if (json) printJson({ written: output });
          else print(`Wrote ${output}.`);
        },
        'Reading the session',
      );
    });
  withConnection(
    withId(
      sessions
        .command('compact')
        .description('Replace the older part of a session by a summary for the model.'),
      'ses',
    ),
  )
    .addOption(modelFlag('model that writes the summary'))
    .action(async (id: string, options: ConnectionOptions & { readonly model?: string }) => {
      await withClient(
        options,
        async (client, signal) => {
          const body = options.model === undefined ? {} : { model: options.model };
          const done = await client.sessions.compact(id, body, { signal });
          if (options.json) printJson(done);
          else if (!done.compacted) print(`Nothing was compacted: ${done.reason}`);
          else
            print(
              `${done.summarized} prompts and answers became a summary, ${done.kept} stay: about ${done.tokensBefore} tokens before, ${done.tokensAfter} after.`,
            );
        },
        'Waiting for the summary',
      );
    });
  withConnection(
    withId(
      sessions
        .command('add-message')
        .description('Add a message without starting a run. The next run of the session sees it.'),
      'ses',
    ),
  )
    .argument('[text...]', 'the message (default: standard input; - waits for it)')
    .action(async (id: string, words: readonly string[], options: ConnectionOptions) => {
      const text = await readPrompt(words, process.stdin);
      await withClient(options, async (client, signal) => {
        const message = await client.sessions.addMessage(id, text, { signal });
        if (options.json) printJson(message);
        else print(`${message.id} waits for the next run of ${id}`);
      });
    });
  withConnection(
    withPaging(
      sessions
        .command('search')
        .description('Search the messages of all sessions, newest first.')
        .argument('<text...>', 'words, the last of which may be incomplete; "phrases" in quotes'),
    )
      .addOption(
        new Flag('--session <id>', 'only messages of this session', {
          field: 'sessionId',
          parse: idOf('--session', 'ses'),
        }),
      )
      .addOption(
        new Flag('--role <role>', `only messages with this role: ${messageRoles.join(', ')}`, {
          field: 'role',
          parse: oneOf('--role', messageRoles),
        }),
      )
      .addOption(archivedFlag('all')),
  ).action(async (words: readonly string[], options: SearchOptions) => {
    await withClient(options, async (client, signal) => {
      const { session, role, archived } = options;
      const answer = await client.sessions.search(
        {
          ...pageQuery(options),
          q: words.join(' '),
          archived,
          ...(session === undefined ? {} : { sessionId: session }),
          ...(role === undefined ? {} : { role }),
        },
        { signal },
      );
      if (options.json) return printJson(answer);
      for (const hit of answer.hits) {
        const who = hit.message.tool ?? hit.message.role;
        print(`${paint('cyan', hit.session.id)} ${oneLine(hit.session.title)}`);
        print(`  ${paint('dim', `${localTime(hit.message.createdAt)} ${who}`)} ${marked(hit.snippet)}\n`);
      }
      if (answer.hits.length === 0) print('No message has these words.');
      if (answer.indexing) print(paint('dim', 'Older messages are still being added to the index.'));
      printNextPage(answer.nextCursor);
    });
  });
  for (const archived of [true, false]) {
    const [name, description, done] = archived
      ? ['archive', 'Leave a session out of lists. A prompt brings it back.', 'Archived']
      : ['unarchive', 'Bring an archived session back to lists.', 'Unarchived'];
    withConnection(withId(sessions.command(name).description(description), 'ses')).action(
      async (id: string, options: ConnectionOptions) => {
        await withClient(options, async (client, signal) => {
          const session = await client.sessions.update(id, { archived }, { signal });
          if (options.json) printJson(session);
          else print(`${done} session ${id}.`);
        });
      },
    );
  }
  withConnection(
    withId(sessions.command('delete').description('Delete a session with its messages and runs.'), 'ses'),
  ).action(async (id: string, options: ConnectionOptions) => {
    await withClient(options, async (client, signal) => {
      await client.sessions.delete(id, { signal });
      if (options.json) printJson({ deleted: id });
      else print(`Deleted session ${id}.`);
    });
  });
}

/** The snippet with what was found in bold. */
function marked({ text, marks }: SearchHit['snippet']): string {
  let shown = '';
  let at = 0;
  for (const { start, end } of marks) {
    shown += oneLine(text.slice(at, start)) + paint('bold', oneLine(text.slice(start, end)));
    at = end;
  }
  return shown + oneLine(text.slice(at));
}
