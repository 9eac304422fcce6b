// `codebuddy chat` on a real terminal: prompts, permissions, Ctrl-C, history and its commands.

import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ModelRequest } from '../agent/model-server-types.ts';
import { calls, says } from '../agent/start-model-agent.ts';
import { waitFor } from '../wait-for.ts';
import { serveModel } from './model-home.ts';
import { run, serve, temporaryFolder } from './run-cli.ts';
import { hasTerminal, onTerminal, type Terminal } from './terminal.ts';

const ctrlC = '\u0003';
const ctrlD = '\u0004';
const arrowUp = '\u001b[A';

function historyIn(home: string): string {
  return join(home, 'api', 'chat-history');
}

/** The prompts of the conversation that the model sees. */
function promptsOf({ messages }: ModelRequest): readonly string[] {
  return messages.filter(({ role }) => role === 'user').map(({ text }) => text);
}

/** Starts a chat and waits until it reads. */
async function chatIn(home: string, args: readonly string[] = []): Promise<Terminal> {
  const terminal = onTerminal(home, ['chat', ...args]);
  await terminal.saw('Ctrl-D leaves');
  await terminal.saw('> ');
  return terminal;
}

/** Leaves a chat that reads. */
async function leave(chat: Terminal): Promise<void> {
  chat.type(ctrlD);
  expect(await chat.ended).toBe(0);
}

/** A model that answers with the prompts that it sees. */
function serveEcho() {
  return serveModel((request) => says(`saw ${promptsOf(request).join('|')}.`));
}

test.each([{ input: '' }, { input: 'help\n' }])(
  'without a terminal, names codebuddy prompt (%j)',
  async (options) => {
    const home = temporaryFolder();
    const { code, stdout, stderr } = await run(home, ['chat'], options);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toBe("codebuddy: chat needs a terminal. Without one, use: codebuddy prompt 'TEXT'\n");
  },
);

describe.skipIf(!hasTerminal)('on a terminal', () => {
  test('shows the reasoning of the model before the answer', async () => {
    const { home } = await serveModel({ kind: 'answer', reasoning: 'Two steps.\nThen done.', text: 'Yes.' });
    const chat = await chatIn(home);
    chat.type('one\r');
    await chat.saw('· reasoning: Two steps.\r\nThen done.\r\nYes.\r\n');
    await chat.saw('> ');
    await leave(chat);
  });

  test('prompts share a session until /new; Ctrl-D leaves', async () => {
    const { home, workspace } = await serveEcho();
    const chat = onTerminal(home, ['chat']);
    await chat.saw(`· in ${workspace} with local/m`);
    await chat.saw('> ');
    chat.type('one\r');
    await chat.saw('saw one.\r\n');
    await chat.saw('> ');
    chat.type('two\r');
    await chat.saw('saw one|two.\r\n');
    await chat.saw('> ');
    chat.type('/cost\r');
    await chat.saw('$0, 20 tokens in, 10 tokens out');
    await chat.saw('> ');
    chat.type('/new\r');
    await chat.saw('The next prompt starts a new session.');
    await chat.saw('> ');
    chat.type('three\r');
    await chat.saw('saw three.\r\n');
    await chat.saw('> ');
    await leave(chat);
    const { sessions } = JSON.parse((await run(home, ['sessions', 'list', '--json'])).stdout) as {
      sessions: readonly { readonly messageCount: number }[];
    };
    expect(sessions.map(({ messageCount }) => messageCount)).toEqual([2, 4]);
  });

  test('works with the offline agent, and starts the server if none runs', async () => {
    const home = temporaryFolder();
    writeFileSync(join(home, 'api', 'config.json'), JSON.stringify({ port: 0, models: ['offline'] }));
    writeFileSync(join(home, 'a.md'), 'alpha');
    onTestFinished(async () => void (await run(home, ['stop'])));
    const chat = onTerminal(home, ['chat'], { CODEBUDDY_AUTOSTART: 'true', CODEBUDDY_MODEL: '' }, 400);
    await chat.saw('No server is running; starting one in');
    await chat.saw('> ');
    chat.type('read a.md\r');
    await chat.saw('· read_file');
    await chat.saw('alpha');
    await chat.saw('> ');
    chat.type('/exit\r');
    expect(await chat.ended).toBe(0);
  });

  test('asks for a permission inline, and the chat continues afterwards', async () => {
    const { home, workspace } = await serveModel((request) => {
      const asked = promptsOf(request).at(-1);
      if (asked !== 'edit it') return says('just talk');
      return request.messages.some(({ role }) => role === 'tool')
        ? says('edited')
        : calls('edit_file', { path: 'a.txt', oldText: 'two', newText: 'TWO' });
    });
    writeFileSync(join(workspace, 'a.txt'), 'one\ntwo\n');
    const chat = await chatIn(home);
    chat.type('edit it\r');
    await chat.saw('+TWO');
    await chat.saw('Allow?');
    expect(readFileSync(join(workspace, 'a.txt'), 'utf8')).toBe('one\ntwo\n');
    chat.type('y\r');
    await chat.saw('· allow');
    await chat.saw('edited');
    await chat.saw('> ');
    expect(readFileSync(join(workspace, 'a.txt'), 'utf8')).toBe('one\nTWO\n');
    chat.type('talk\r');
    await chat.saw('just talk');
    await chat.saw('> ');
    await leave(chat);
    // The answer to a question is not part of the history.
    expect(readFileSync(historyIn(home), 'utf8')).toBe('edit it\ntalk\n');
  });

  test('asks a question of the agent inline, with its choices by number', async () => {
    const { home, model } = await serveModel(({ messages }) =>
      messages.some(({ role }) => role === 'tool')
        ? says('as you like')
        : calls('ask_user', { question: 'Which one?', choices: ['red', 'green'], allowsText: false }),
    );
    const chat = await chatIn(home);
    chat.type('go\r');
    await chat.saw('? Which one?');
    await chat.saw('2. green');
    chat.type('blue\r');
    await chat.saw('is not a valid answer');
    chat.type('2\r');
    await chat.saw('as you like');
    expect(model.requests[1]?.messages.at(-1)?.toolResults[0]?.text).toContain('"green"');
    await chat.saw('> ');
    await leave(chat);
  });

  test('takes the permission mode of the flag', async () => {
    const { home, workspace } = await serveModel(({ messages }) =>
      messages.some(({ role }) => role === 'tool')
        ? says('edited')
        : calls('write_file', { path: 'a.txt', content: 'new' }),
    );
    const chat = await chatIn(home, ['--permission-mode', 'auto-edit']);
    chat.type('write it\r');
    await chat.saw('edited');
    expect(readFileSync(join(workspace, 'a.txt'), 'utf8')).toBe('new');
    expect(chat.text()).not.toContain('Allow?');
    await chat.saw('> ');
    await leave(chat);
  });

  test('Ctrl-C cancels the current run, and text typed meanwhile starts the next line', async () => {
    const { home, model } = await serveModel((request) =>
      promptsOf(request).at(-1) === 'wait'
        ? { kind: 'silence' }
        : says(`saw ${promptsOf(request).join('|')}.`),
    );
    const chat = await chatIn(home);
    chat.type('wait\r');
    await waitFor('the model to be asked', () => model.requests.length > 0);
    chat.type(`${arrowUp}go onn\u007f${ctrlC}`);
    await chat.saw('· cancelled');
    await chat.saw('> ');
    await chat.saw('go on');
    await waitFor('the run to be cancelled', async () =>
      (await run(home, ['runs', 'list', '--json'])).stdout.includes('"cancelled"'),
    );
    chat.type('\r');
    // The session continues.
    await chat.saw('saw wait|go on.');
    await chat.saw('> ');
    // With text, Ctrl-C drops the line; on an empty line, the second one leaves.
    chat.type(`dropped${ctrlC}`);
    await chat.saw('dropped');
    await chat.saw('> ');
    chat.type(ctrlC);
    await chat.saw('press Ctrl-C again to leave');
    await chat.saw('> ');
    chat.type(ctrlC);
    expect(await chat.ended).toBe(0);
    expect(model.requests.some((request) => promptsOf(request).includes('dropped'))).toBe(false);
  });

  test('a question that is decided elsewhere ends, and Ctrl-C still cancels', async () => {
    const { home, model } = await serveModel(({ messages }) =>
      messages.some(({ role }) => role === 'tool')
        ? { kind: 'silence' }
        : calls('write_file', { path: 'a.txt', content: 'new' }),
    );
    const chat = await chatIn(home);
    chat.type('write it\r');
    await chat.saw('Allow?');
    const { permissions } = JSON.parse((await run(home, ['permissions', 'list', '--json'])).stdout) as {
      permissions: readonly { readonly id: string }[];
    };
    expect((await run(home, ['permissions', 'deny', permissions[0]?.id as string])).code).toBe(0);
    await chat.saw('· deny');
    await waitFor('the model to be asked again', () => model.requests.length === 2);
    // The next prompt may be sent before the server has seen the cancellation.
    model.reply((request) => says(`saw ${promptsOf(request).join('|')}.`));
    chat.type(ctrlC);
    await chat.saw('· cancelled');
    await chat.saw('> ');
    chat.type('and now\r');
    await chat.saw('saw write it|and now.');
    await chat.saw('> ');
    await leave(chat);
  });

  test('Ctrl-C at a question cancels the run; a second one leaves', async () => {
    const { home } = await serveModel(() => calls('write_file', { path: 'a.txt', content: 'new' }));
    const chat = await chatIn(home);
    chat.type('write it\r');
    await chat.saw('Allow?');
    chat.type(ctrlC);
    await chat.saw('· cancelled');
    await chat.saw('> ');
    chat.type(ctrlC);
    expect(await chat.ended).toBe(0);
  });

  test('a line that ends with \\ continues, and pasted lines are one prompt', async () => {
    const { home, model } = await serveEcho();
    const chat = await chatIn(home);
    chat.type('one\\\r');
    await chat.saw('… ');
    chat.type('two\r');
    await chat.saw('saw one');
    await chat.saw('> ');
    chat.type('\u001b[200~/three\rfour\\\rfive\u001b[201~');
    await chat.saw('five');
    expect(model.requests).toHaveLength(1);
    chat.type('\r');
    await chat.saw('saw one');
    await chat.saw('> ');
    expect(promptsOf(model.requests[1] as ModelRequest)).toEqual(['one\ntwo', '/three\nfour\\\nfive']);
    await leave(chat);
  });

  test('lines that arrive at once are answered in turn', async () => {
    const { home } = await serveEcho();
    const chat = await chatIn(home);
    chat.type('one\r/new\rtwo\r');
    await chat.saw('saw one.');
    await chat.saw('The next prompt starts a new session.');
    await chat.saw('saw two.');
    await chat.saw('> ');
    await leave(chat);
  });

  test('the history survives a restart, and only its owner can read it', async () => {
    const { home } = await serveEcho();
    const first = await chatIn(home);
    first.type('remember me\r');
    await first.saw('saw remember me.');
    await first.saw('> ');
    await leave(first);
    expect(statSync(historyIn(home)).mode & 0o777).toBe(0o600);

    const second = await chatIn(home);
    second.type(arrowUp);
    await second.saw('remember me');
    second.type(' again\r');
    await second.saw('saw remember me again.');
    expect(readFileSync(historyIn(home), 'utf8')).toBe('remember me\nremember me again\n');
    await second.saw('> ');
    await leave(second);
  });

  test('the history has at most 1000 lines, none with control characters', async () => {
    const { home } = await serveEcho();
    const lines = Array.from({ length: 1200 }, (_, index) => `line ${index}`);
    writeFileSync(historyIn(home), `${[...lines, 'bad \u001b[2J'].join('\n')}\n`, { mode: 0o644 });
    const chat = await chatIn(home);
    chat.type(arrowUp);
    await chat.saw('line 1199');
    chat.type(' and more\r');
    await chat.saw('saw line 1199 and more.');
    expect(chat.text()).not.toContain('bad');
    await chat.saw('> ');
    await leave(chat);
    const kept = readFileSync(historyIn(home), 'utf8').trimEnd().split('\n');
    expect([kept.length, kept.at(-2), kept.at(-1)]).toEqual([1000, 'line 1199', 'line 1199 and more']);
    expect(statSync(historyIn(home)).mode & 0o777).toBe(0o600);
  });

  test('a history that cannot be used does not stop the chat', async () => {
    const { home } = await serveEcho();
    mkdirSync(historyIn(home));
    const chat = onTerminal(home, ['chat'], {}, 300);
    await chat.saw('codebuddy: The history is not kept: ');
    await chat.saw('> ');
    chat.type('one\r');
    await chat.saw('saw one.');
    await chat.saw('> ');
    await leave(chat);
  });

  test('commands list and choose sessions and models, and errors leave the chat open', async () => {
    const { home } = await serveEcho();
    expect((await run(home, ['prompt', 'before'])).code).toBe(0);
    const { sessions } = JSON.parse((await run(home, ['sessions', 'list', '--json'])).stdout) as {
      sessions: readonly { readonly id: string }[];
    };
    const id = sessions[0]?.id as string;
    const chat = onTerminal(home, ['chat'], {}, 300);
    await chat.saw('> ');
    const send = async (line: string, ...answers: readonly string[]): Promise<void> => {
      chat.type(`${line}\r`);
      for (const answer of answers) await chat.saw(answer);
      await chat.saw('> ');
    };
    await send('/cost', 'There is no session yet.');
    await send('/session', 'There is no session yet.');
    await send('/session ses_none', 'codebuddy: ', 'session_not_found');
    await send('/session run_01JZZZZZZZZZZZZZZZZZZZZZZZ', '/session must be the id of a session');
    await send(`/session ${id}`, `${id}, 2 messages: before`);
    await send('/sessions', 'TITLE', `*  ${id}`, 'before');
    await send('after', 'saw before|after.');
    await send('/model', 'local/m (default)');
    await send('/model a b', 'codebuddy: /model must be the name of a model', 'not "a b"');
    await send('/agent', 'builtin');
    await send('/agent nobody', 'The next prompt starts a new session with nobody.');
    await send('x', '--agent must be one of builtin, claude');
    await send('/agent builtin', 'The next prompt starts a new session with builtin.');
    await send('/model offline', 'The next prompts use offline.');
    await send('help', 'offline agent');
    await send('/model local/none', 'The next prompts use local/none.');
    await send('/modle', 'Unknown command "/modle"; did you mean "/model"?');
    await send('/new now', '/new takes no argument, but got "now".');
    await send('/help', '/sessions', '/session ID', '/exit');
    await send('/model local/m', 'The next prompts use local/m.');
    await send('/etc/hosts', '|/etc/hosts.');
    await send(' /new', '| /new.');
    chat.type('/exit\r');
    expect(await chat.ended).toBe(0);
  });

  test('--continue, --session and --model choose what the first prompt uses', async () => {
    const { home } = await serveEcho();
    expect((await run(home, ['prompt', 'before'])).code).toBe(0);
    const next = await chatIn(home, ['-c']);
    next.type('after\r');
    await next.saw('saw before|after.');
    await next.saw('> ');
    next.type('/session\r');
    await next.saw('ses_');
    await next.saw('> ');
    const id = /ses_[0-9A-Z]{26}/.exec(next.text())?.[0] as string;
    await leave(next);
    const other = await chatIn(home, ['--session', id, '--model', 'offline']);
    other.type('help\r');
    await other.saw('offline agent');
    await other.saw('> ');
    await leave(other);
    for (const [args, code, said] of [
      [['-c', '--session', id], 2, 'exclude each other'],
      [['--model', 'a b'], 2, '--model must be'],
      [['--session', id, '--agent', 'claude'], 2, 'belongs to the agent builtin'],
      [['--session', 'ses_none'], 1, 'session_not_found'],
      [['--api-key', 'wrong'], 4, 'codebuddy: '],
      [['--json'], 2, '--json'],
    ] as const) {
      const failed = onTerminal(home, ['chat', ...args]);
      await failed.saw(said);
      expect(await failed.ended, args.join(' ')).toBe(code);
    }
  });

  test('text from the model cannot control the terminal', async () => {
    const { home } = await serveModel(says(['clear \u001b', '[2J and \u202e', 'turn']));
    const chat = await chatIn(home);
    chat.type('one\r');
    await chat.saw('clear \\x1b[2J and \\u202eturn');
    expect(chat.text()).not.toContain('\u001b[2J');
    await chat.saw('> ');
    await leave(chat);
  });

  test('a failed prompt and a stopped server leave the chat open', async () => {
    const { home, workspace, model, server } = await serveEcho();
    const chat = await chatIn(home);
    chat.type('one\r');
    await chat.saw('saw one.');
    await chat.saw('> ');
    model.reply({ kind: 'error', status: 400, message: 'no such thing' });
    chat.type('two\r');
    await chat.saw('codebuddy: ');
    await chat.saw('> ');
    model.reply((request) => says(`saw ${promptsOf(request).join('|')}.`));
    server.child.kill('SIGTERM');
    await server.finished;
    chat.type('three\r');
    await chat.saw('codebuddy: ');
    await chat.saw('> ');
    // It may have another port.
    await serve(home, [], { CODEBUDDY_MODEL: '', CODEBUDDY_WORKSPACE: workspace });
    chat.type('four\r');
    await chat.saw('four.');
    await chat.saw('> ');
    await leave(chat);
  });
});
