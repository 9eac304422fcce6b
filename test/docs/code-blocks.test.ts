// Every code block of README.md, docs/ and the examples is run, parsed or compiled. A block that cannot be is in the
// table `notRun`, with the reason. One server for each kind of agent answers all commands.

import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { startScriptedModel } from '../../examples/scripted-model.ts';
import { CodeBuddyClient } from '../../src/client/index.ts';
import { program } from '../program.ts';
import { isInstalled, runProgram } from '../run-program.ts';
import { waitFor } from '../wait-for.ts';
import { startReceiver } from '../webhooks/recording-receiver.ts';
import { allBlocks, type Block } from './blocks.ts';
import { missingLine, ShellSession, stepsOf } from './shell-session.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const blocks = allBlocks();

/** Blocks that are not run here, by name, with the reason. */
const notRun: Readonly<Record<string, string>> = {
  'README.md: npm start': 'installs and builds a clone; the server below is what it starts',
  'README.md: npm start -- --port 0 --workspace ~/project': 'installs and builds a clone',
  'docs/ARCHITECTURE.md: HTTP request ─> http/ ─> agent/ ──append──> events/ ──subscribe──> http/ (SSE to clients)':
    'a drawing',
  'docs/quick-start.md: git clone https://github.com/codebuddy-api/codebuddy-api.git': 'needs the network',
  'docs/quick-start.md: npm start -- --workspace /tmp/project': 'installs and builds a clone',
  'docs/quick-start.md: $ PORT=4141 node examples/scripted-model.ts':
    'takes a fixed port; the server of these tests has the same model on another one',
  "docs/quick-start.md: $ WEBHOOK_SECRET='a secret of mine' node examples/webhook-receiver.ts":
    'takes a fixed port; test/examples/webhook-receiver.test.ts runs it',
  'docs/openai.md: event: tool.start': 'a part of a stream; test/openai-door/chat.test.ts reads it',
  "docs/agents.md: $ codebuddy prompt --agent claude 'Explain this repository.'":
    'needs Claude Code and its sign-in; npm run test:agents sends prompts to it',
  'docs/cli.md: $ codebuddy chat': 'needs a terminal; test/cli/chat.test.ts has one',
  'docs/receiving-webhooks.md: package webhook': 'needs Go',
  'docs/receiving-webhooks.md: function is_ours(string $rawBody, string $id, string $timestamp, string $signatures, string $secret): bool':
    'needs PHP',
  'docs/receiving-webhooks.md: $ codebuddy webhooks torture':
    'takes a fixed port; test/receiver runs the same receiver',
  'docs/scaling.md: createuser codebuddy --pwprompt':
    'needs a PostgreSQL server; test/cli/doctor-database.test.ts has one',
  'docs/scaling.md: codebuddy migrate --to "$DATABASE_URL"     # --from FILE for another home':
    'needs a PostgreSQL server; test/cli/migrate.test.ts has one',
  'docs/scaling.md: $ codebuddy nodes list': 'shows two nodes on PostgreSQL; test/nodes has them',
  'docs/scaling.md: umask 077': 'writes to /backup',
  'docs/scaling.md: pg_dump --format=custom --file=/backup/codebuddy.dump "$DATABASE_URL"':
    'needs a PostgreSQL server',
  'docs/scaling.md: sqlite3 ~/.codebuddy/api/codebuddy.db "UPDATE sqlite_sequence SET seq = seq + 1000000 WHERE name = \'events\'"':
    'changes a database without its server; test/cli/restored.test.ts does it',
  'docs/mcp-server.md: claude mcp add codebuddy -- codebuddy mcp':
    'needs Claude Code; test/cli/mcp.test.ts runs the command that it starts',
  'docs/mcp-server.md: codex mcp add codebuddy -- codebuddy mcp': 'needs Codex; see above',
  'docs/mcp-server.md: gemini mcp add codebuddy codebuddy mcp': 'needs Gemini CLI; see above',
  'docs/ci.md: $ CODEBUDDY_MODEL=offline codebuddy serve --port 0 &':
    'starts another server; test/examples/prompt-in-ci.test.ts runs the same commands',
  'docs/editors.md: require("avante").setup({': 'needs Neovim',
  "docs/editors.md: npx acpx --agent 'codebuddy acp' exec 'explain this project'":
    'acpx is not installed; test/acp drives the command with the client of the SDK',
  'examples/fix-the-failing-test/README.md: $ cp -r examples/fix-the-failing-test /tmp/project':
    'needs the key of a provider; test/examples/fix-the-failing-test.test.ts runs it with a scripted model',
};

/** Pages whose code has a test of its own, which runs it: the marked blocks, or all of them. */
const ownTests: Readonly<Record<string, { readonly test: string; readonly all: boolean }>> = {
  'docs/receiving-webhooks.md': { test: 'receiving-webhooks.test.ts', all: false },
  'docs/client.md': { test: 'client-page.test.ts', all: true },
  'docs/openai.md': { test: 'openai-page.test.ts', all: true },
};

interface CompiledOnly {
  /** Why the block is compiled, but not run. */
  readonly why: string;
  /** Declarations of what the reader has around the block. */
  readonly types?: string;
}

/** Blocks of TypeScript and JavaScript that are not run. */
const compiledOnly: Readonly<Record<string, CompiledOnly>> = {
  "docs/library.md: import { CodeBuddyError, RestApiServer, reply } from 'codebuddy-api';": {
    why: 'takes a fixed port; test/examples/embed-your-own-agent.test.ts runs the same',
    types: `declare const myTools: Record<string, (params: unknown) => unknown>;
      declare const mySessions: readonly Record<string, unknown>[];`,
  },
  "docs/library.md: server.addRoute('GET', '/api/jobs/:id', ({ params }) =>": {
    why: 'a part of a program; test/examples/embed-your-own-agent.test.ts runs the same',
    types: `import { RestApiServer, reply } from 'codebuddy-api';
      declare const server: RestApiServer;
      declare const jobs: { get(id: string | undefined): Record<string, unknown> | undefined };`,
  },
  "docs/library.md: import { WebhookManager } from 'codebuddy-api'; // or 'codebuddy-api/webhooks'": {
    why: 'sends to a server on the internet; test/examples/webhook-receiver.test.ts runs the same',
  },
  "docs/library.md: import { CodeBuddyClient } from 'codebuddy-api/client';": {
    why: 'takes a fixed address, or follows the log without an end',
  },
  "docs/api.md: const headers = { 'X-API-Key': key };": {
    why: 'needs a browser; test/http/streaming/event-source.browser.test.ts runs the same',
    types: 'declare const key: string;',
  },
};

/** The agent that a block is shown with: the offline one, or a model that asks, or a model that may do anything. */
type Agent = 'offline' | 'asking' | 'free';

interface Running {
  readonly folder: string;
  readonly url: string;
  readonly client: CodeBuddyClient;
  readonly environment: NodeJS.ProcessEnv;
  /** What the server said when it started. */
  readonly greeting: string;
}

const servers = new Map<Agent, Promise<Running>>();
const closing: (() => unknown)[] = [];

function agentOf({ file, text }: Block): Agent {
  if (file === 'docs/quick-start.md') return 'asking';
  return text.includes('Fix the failing test.') ? 'free' : 'offline';
}

/** One server for all blocks with the same agent. */
function serverFor(agent: Agent): Promise<Running> {
  const found = servers.get(agent) ?? startServer(agent);
  servers.set(agent, found);
  return found;
}

async function startServer(agent: Agent): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'codebuddy-blocks-'));
  closing.push(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));
  const model = await startScriptedModel();
  closing.push(() => model.close());
  for (const name of ['.codebuddy/api', 'bin', 'clone'])
    mkdirSync(join(folder, name), { recursive: true, mode: 0o700 });
  const workspace = join(folder, 'clone/project');
  cpSync(join(root, 'examples/fix-the-failing-test'), workspace, { recursive: true });
  writeFileSync(join(workspace, 'README.md'), '# Project\n');
  const config = {
    models: [agent === 'offline' ? 'offline' : 'script/mender'],
    providers: { script: { baseURL: model.baseURL } },
    permissionMode: agent === 'free' ? 'full' : 'ask',
  };
  writeFileSync(join(folder, '.codebuddy/api/config.json'), JSON.stringify(config));
  const command = join(folder, 'bin/codebuddy');
  writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`);
  chmodSync(command, 0o755);
  const clean = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('CODEBUDDY_') && name !== 'DATABASE_URL' && name !== 'NODE_OPTIONS',
  );
  const environment = {
    ...Object.fromEntries(clean),
    HOME: folder,
    PATH: [join(folder, 'bin'), join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter),
    NO_COLOR: '1',
    NODE_NO_WARNINGS: '1',
  };
  const server = spawn(command, ['serve', '--port', '0', '--workspace', workspace], {
    env: environment,
    cwd: folder,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let greeting = '';
  server.stdout.setEncoding('utf8').on('data', (text: string) => {
    greeting += text;
  });
  closing.push(async () => {
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGTERM');
    await ended;
  });
  const home = join(folder, '.codebuddy');
  await waitFor(
    'the server',
    () => existsSync(join(home, 'api/server.json')),
    () => greeting,
  );
  const url = await waitFor('the greeting', () => /running at (\S+)/.exec(greeting)?.[1]);
  await waitFor('all of the greeting', () => greeting.includes('/docs'));
  const client = new CodeBuddyClient({ home });
  closing.push(() => client.close());
  return { folder, url, client, environment, greeting };
}

afterAll(async () => {
  for (const close of closing.toReversed()) await close();
});

/** Replaces the fixed address of the docs, and ids that end with `…` by real ones. */
async function real(command: string, { url, client }: Running): Promise<string> {
  let text = command.replaceAll('http://127.0.0.1:3847', url);
  for (const kind of new Set(
    [...text.matchAll(/\b(whk|dlv|prm|run|ses|key)_[0-9A-Z]+…?/g)].map(([, found]) => found),
  )) {
    const id = await waitFor(`an id for ${kind}_…`, async () => {
      if (kind === 'whk') return (await client.webhooks.list()).webhooks.at(-1)?.id;
      if (kind === 'dlv') return (await client.deliveries.list({ limit: 1 })).deliveries[0]?.id;
      if (kind === 'prm') return (await client.permissions.list()).permissions[0]?.id;
      if (kind === 'key') return (await client.keys.list()).keys.at(-1)?.id;
      if (kind === 'run') return (await client.runs.list({ limit: 1 })).runs[0]?.id;
      return (await client.sessions.list({ limit: 1 })).sessions[0]?.id;
    });
    text = text.replace(new RegExp(`\\b${kind}_[0-9A-Z]+…?`, 'g'), id);
  }
  return text;
}

const isShell = ({ language }: Block): boolean => language === 'sh' || language === 'console';
const isData = ({ language }: Block): boolean => ['json', 'yaml', 'sql', 'http'].includes(language);
const isCode = ({ language }: Block): boolean => ['ts', 'js', 'python'].includes(language);
const hasOwnTest = ({ file, mark }: Block): boolean =>
  ownTests[file]?.all === true || (ownTests[file] !== undefined && mark !== undefined);
const isGreeting = ({ language, text }: Block): boolean =>
  language === '' && text.startsWith('Code Buddy API is running');
const isLeft = ({ name }: Block): boolean => notRun[name] === undefined;
const where = (block: Block): string => `${block.file}:${block.line} ${block.language}`;

test('every block is checked in one way, and the table of exceptions names blocks that exist', () => {
  expect(blocks.length).toBeGreaterThan(50);
  for (const block of blocks) {
    const ways = [isShell, isData, isCode, isGreeting].filter((is) => is(block)).length;
    if (isLeft(block)) expect(ways, `${where(block)}: no way to check it`).toBe(1);
  }
  const names = new Set(blocks.map(({ name }) => name));
  for (const name of [...Object.keys(notRun), ...Object.keys(compiledOnly)]) expect(names).toContain(name);
});

describe('commands print what the docs show', () => {
  const shells = blocks.filter((block) => isShell(block) && isLeft(block));
  test.each(shells.map((block) => ({ block, title: `${where(block)} ${block.text.split('\n')[0]}` })))(
    '$title',
    async ({ block }) => {
      const running = await serverFor(agentOf(block));
      const { folder, environment, client } = running;
      // Takes the place of the receivers that the page names.
      const receiver = await startReceiver();
      receiver.answer((_request, response) => response.writeHead(204).end());
      const session = new ShellSession(environment, join(folder, 'clone'));
      try {
        for (const { command, shown } of stepsOf(block.language, block.text)) {
          const text = (await real(command, running)).replace(
            /http:\/\/127\.0\.0\.1:8080|https:\/\/example\.org(?=\/hook)/g,
            `http://127.0.0.1:${receiver.port}`,
          );
          const step = { command: text, shown };
          let output = await session.run(step, () => client.runs.start('Say hello.'));
          // A list that a reader would look at again.
          if (/ (list|status|show)\b/.test(command) && missingLine(shown, output) !== undefined)
            await waitFor(
              `the output of: ${text}`,
              async () => {
                output = await session.run(step, async () => {});
                return missingLine(shown, output) === undefined;
              },
              () => output,
            );
          expect(missingLine(shown, output), `${text}\n${output}`).toBeUndefined();
          expect(output, text).not.toMatch(/command not found|unknown option|unknown command/i);
        }
      } finally {
        await session.close();
      }
    },
  );

  test.each(blocks.filter(isGreeting).map((block) => ({ block, title: where(block) })))(
    '$title: what the server says when it starts',
    async ({ block }) => {
      const labels = (text: string): string[] =>
        text
          .split('\n')
          .map((line) => /^\s*(workspace|model|sandbox|API key|docs|Code Buddy API)/.exec(line)?.[1] ?? '');
      const said = labels((await serverFor('offline')).greeting);
      for (const label of labels(block.text)) expect(said).toContain(label);
    },
  );
});

describe('data can be read', () => {
  test.each(
    blocks.filter((block) => isData(block) && isLeft(block)).map((block) => ({ block, title: where(block) })),
  )('$title', ({ block: { language, text } }) => {
    if (language === 'json') JSON.parse(text);
    else if (language === 'yaml')
      for (const { errors } of parseAllDocuments(text)) expect(errors).toEqual([]);
    else if (language === 'sql') {
      const database = new DatabaseSync(':memory:');
      database.exec('CREATE TABLE taken_webhooks (id TEXT PRIMARY KEY)');
      const statement = database.prepare(text);
      expect([statement.run({ $1: 'evt_1' }).changes, statement.run({ $1: 'evt_1' }).changes]).toEqual([
        1, 0,
      ]);
      database.close();
    } else {
      const [head = '', body = ''] = text.split('\n\n');
      expect(head).toMatch(/^POST \S+ HTTP\/1\.1$/m);
      expect(Number(/^content-length: (\d+)$/m.exec(head)?.[1])).toBe(Buffer.byteLength(body));
      expect(JSON.parse(body)).toHaveProperty('id', /^webhook-id: (\S+)$/m.exec(head)?.[1]);
    }
  });
});

describe('code', () => {
  test('compiles', () => {
    const cache = join(root, 'node_modules/.cache');
    mkdirSync(cache, { recursive: true });
    const folder = mkdtempSync(join(cache, 'blocks-'));
    try {
      const files = new Map<string, Block>();
      for (const [index, block] of blocks.filter((one) => isCode(one) && isLeft(one)).entries()) {
        if (block.language === 'python' || hasOwnTest(block)) continue;
        const file = join(folder, `block-${index}.ts`);
        writeFileSync(file, `${compiledOnly[block.name]?.types ?? ''}\n${block.text}\nexport {};\n`);
        files.set(file, block);
      }
      expect(files.size).toBeGreaterThan(4);
      const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => readFileSync(path, 'utf8'));
      const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
      const compiled = ts.createProgram([...files.keys()], {
        ...options,
        lib: ['lib.es2024.d.ts', 'lib.dom.d.ts', 'lib.esnext.disposable.d.ts'],
        // The blocks show names that a reader may use, not all of which they use themselves.
        noUnusedLocals: false,
        noUnusedParameters: false,
        // As most readers have it.
        noUncheckedIndexedAccess: false,
        paths: {
          'codebuddy-api': [join(root, 'src/index.ts')],
          'codebuddy-api/client': [join(root, 'src/client/index.ts')],
          'codebuddy-api/webhooks': [join(root, 'src/api/webhooks.ts')],
        },
      });
      const faults = ts
        .getPreEmitDiagnostics(compiled)
        .filter(({ file }) => file === undefined || files.has(file.fileName))
        .map(({ file, messageText }) => {
          const block = file && files.get(file.fileName);
          return `${block ? where(block) : ''}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
        });
      expect(faults).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test.each(
    blocks
      .filter(
        (block) =>
          ['ts', 'js'].includes(block.language) &&
          isLeft(block) &&
          !hasOwnTest(block) &&
          compiledOnly[block.name] === undefined,
      )
      .map((block) => ({ block, title: where(block) })),
  )('$title runs', async ({ block }) => {
    const { environment, folder } = await serverFor('offline');
    const file = join(folder, `block.${block.language === 'ts' ? 'ts' : 'mjs'}`);
    const ours = { 'codebuddy-api/client': 'src/client/index.ts', 'codebuddy-api': 'src/index.ts' };
    let { text } = block;
    for (const [name, path] of Object.entries(ours))
      text = text.replace(`'${name}'`, `'${join(root, path)}'`);
    writeFileSync(file, text);
    // The packages of a host application.
    mkdirSync(join(folder, 'node_modules'), { recursive: true });
    const packages = join(folder, 'node_modules/@opentelemetry');
    if (!existsSync(packages)) symlinkSync(join(root, 'node_modules/@opentelemetry'), packages, 'junction');
    const { code, stderr } = await runProgram([process.execPath, file], { env: environment });
    expect(code, stderr).toBe(0);
  });

  const hasPython = isInstalled('python3');
  if (!hasPython) console.log('python3 is not installed: Python blocks were not compiled');
  test.skipIf(!hasPython)('in Python compiles', () => {
    for (const { text, name } of blocks.filter(({ language }) => language === 'python')) {
      const { status, stderr } = spawnSync(
        'python3',
        ['-c', 'import ast, sys; ast.parse(sys.stdin.read())'],
        {
          input: text,
          encoding: 'utf8',
        },
      );
      expect(status, `${name}: ${stderr}`).toBe(0);
    }
  });

  test('of a page with its own test is run there', () => {
    for (const [page, { test: file }] of Object.entries(ownTests)) {
      if (!blocks.some((block) => block.file === page)) continue;
      const own = readFileSync(join(root, 'test/docs', file), 'utf8');
      expect(own).toContain(page.replace('docs/', ''));
      for (const block of blocks.filter((one) => one.file === page && one.mark !== undefined))
        expect(own).toContain(`'${block.mark}'`);
    }
  });
});
