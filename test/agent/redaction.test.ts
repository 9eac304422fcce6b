// The secrets of the process do not appear in its output: messages of MCP servers, errors of providers, the log, the
// command line.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseMcpServers } from '../../src/agent/mcp/mcp-config.ts';
import { createMcpServers } from '../../src/agent/mcp/mcp-servers.ts';
import { createRedactor, hideUrlSecrets, jsonFault, secretVariables } from '../../src/base/redaction.ts';
import { run, serve, temporaryFolder } from '../cli/run-cli.ts';
import { startMcp } from './mcp-start.ts';

const secret = 'S3cr3t/+value=?&"quoted"';
const short = 'abc';

/** A reference to a variable in config.json. */
function reference(name: string): string {
  return `\${${name}}`;
}

async function listen(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A program that prints all this to standard error and ends. */
function says(script: string, more: Readonly<Record<string, unknown>> = {}): object {
  return { command: process.execPath, args: ['-e', script], ...more };
}

const encodings: Readonly<Record<string, (text: string) => string>> = {
  plainly: (text) => text,
  'in JSON': (text) => JSON.stringify({ text }),
  'URL-encoded': (text) => encodeURIComponent(text),
  'in base64': (text) => Buffer.from(text).toString('base64'),
  'in base64url': (text) => Buffer.from(text).toString('base64url'),
  'in base64 after a user name': (text) => Buffer.from(['user', text].join(':')).toString('base64'),
  'in base64 between other words': (text) =>
    Buffer.from(['x', text, ' and more'].join('')).toString('base64'),
  'in hex': (text) => Buffer.from(text).toString('hex'),
  'in upper-case hex': (text) => Buffer.from(text).toString('hex').toUpperCase(),
};

/** True if any eight characters of the secret, in this encoding, are left. */
function isLeft(text: string, encode: (text: string) => string): boolean {
  const form = encode(secret);
  if (text.includes(form)) return true;
  const core = form.slice(Math.floor(form.length / 3), Math.floor(form.length / 3) + 8);
  return text.includes(core);
}

describe('output of an MCP server is redacted', () => {
  test.each(Object.entries(encodings))('on standard error, with its secret %s', async (_name, encode) => {
    const { troubles, mcp, names } = startMcp({
      bad: says(
        `const e = ${encode.toString().replaceAll('Buffer', 'require("buffer").Buffer')};
         process.stderr.write("token " + e(process.env.MY_TOKEN) + " refused\\n"); process.exitCode = 3`,
        { env: { MY_TOKEN: secret } },
      ),
    });
    await names();
    const said = `${troubles.join()} ${JSON.stringify(mcp.describe())}`;
    expect(said).toContain('token ');
    expect(said).toContain('refused');
    expect(isLeft(said, encode), said).toBe(false);
  });

  test('where it is truncated, and for a variable in its arguments', async () => {
    const troubles: string[] = [];
    const script = `const s = process.argv[1];
      process.stderr.write(s + "x".repeat(4096 - 12) + "\\n");
      process.stderr.write("short " + process.env.SHORT + " level " + process.env.LEVEL + " last words\\n");
      process.exit(1)`;
    const redactor = createRedactor();
    const mcp = createMcpServers({
      servers: parseMcpServers(
        {
          bad: {
            command: process.execPath,
            args: ['-e', script, reference('TOKEN')],
            env: { SHORT: short, LEVEL: 'production' },
          },
        },
        { TOKEN: secret },
        (value) => redactor.learn([value]),
      ),
      redactor,
      environment: {},
      cwd: temporaryFolder(),
      clientVersion: '1',
      onTrouble: (_server, message) => troubles.push(message),
    });
    onTestFinished(() => mcp.close());
    await mcp.list();
    for (let at = 0; at + 6 <= secret.length; at++)
      expect(troubles[0]).not.toContain(secret.slice(at, at + 6));
    // Redacting a short or common value would remove ordinary words.
    expect(troubles[0]).toContain('short abc level production last words');
  });

  test('on standard output where JSON-RPC should be, and in the error of a tool', async () => {
    const script = `process.stdout.write("debug: key=" + process.env.KEY + "\\n");
      process.stdin.on("data", (chunk) => { for (const line of String(chunk).trim().split("\\n")) {
        const { id, method, params } = JSON.parse(line);
        const say = (rest) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id, ...rest }) + "\\n");
        if (method === "initialize") say({ result: { protocolVersion: "2025-06-18", capabilities: { tools: {} }, serverInfo: { name: "t", version: "1" } } });
        else if (method === "tools/list") say({ result: { tools: [{ name: "fail", inputSchema: { type: "object" } }, { name: "refuse", inputSchema: { type: "object" } }] } });
        else if (method === "tools/call" && params.name === "refuse") say({ error: { code: -32000, message: "not with " + process.env.KEY } });
        else if (method === "tools/call") say({ result: { isError: true, content: [{ type: "text", text: "no access with " + process.env.KEY }] } });
      } });`;
    const { call } = startMcp({ bad: says(script, { env: { KEY: secret } }) });
    await expect(call('bad__fail')).rejects.toThrow('no access with [redacted]');
    await expect(call('bad__refuse')).rejects.toThrow('not with [redacted]');
  });

  test('over HTTP, for its Authorization header and its URL', async () => {
    const url = await listen((request, response) => {
      response.writeHead(401, { 'content-type': 'text/plain' });
      response.end(`who is ${request.headers.authorization} ${request.headers['x-team']} at ${request.url}?`);
    });
    const { troubles, names } = startMcp({
      far: {
        url: `${url}/mcp?api_key=query-secret-1`,
        headers: { Authorization: 'Bearer bearer-secret-1', 'X-Team': 'team-secret-1' },
      },
    });
    await names();
    expect(troubles[0]).toContain('status 401');
    expect(troubles[0]).not.toMatch(/(?:bearer|team|query)-secret-1/);
  });
});

describe('a redactor', () => {
  test('knows passwords in URLs and in Basic, and each line of a key file', () => {
    const line = 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj';
    const { redact } = createRedactor([
      'postgres://admin:hunter2hunter2@db.example/app',
      `Basic ${Buffer.from('me:open-sesame').toString('base64')}`,
      `-----BEGIN PRIVATE KEY-----\n${line}\n-----END PRIVATE KEY-----`,
    ]);
    for (const text of ['password hunter2hunter2', 'it was open-sesame', `read ${line} from it`]) {
      expect(redact(text)).toContain('[redacted]');
      expect(redact(text)).not.toMatch(/hunter2|sesame|MIIE/);
    }
  });

  test('removes credentials from any URL, and leaves the rest of a text unchanged', () => {
    expect(hideUrlSecrets('cannot reach https://me:pw@api.example/v1/x?key=AIzaSy&alt=sse, sorry.')).toBe(
      'cannot reach https://me:***@api.example/v1/x?key=***&alt=***, sorry.',
    );
    expect(hideUrlSecrets(`https://api.example/?=bare&${'long'.repeat(50)}=v1&a?b=v2#c`)).toBe(
      `https://api.example/?=***&${'long'.repeat(50)}=***&a?b=***#c`,
    );
    expect(createRedactor(['ab', 'true', 'production', '']).redact('absolutely true in production')).toBe(
      'absolutely true in production',
    );
  });

  test('shares later secrets with its children', () => {
    const parent = createRedactor();
    const child = parent.with(['child-secret']);
    parent.learn(['parent-secret']);
    expect(child.redact('child-secret parent-secret')).toBe('[redacted] [redacted]');
    expect(parent.redact('child-secret parent-secret')).toBe('child-secret [redacted]');
  });

  test('finds the variables that hold secrets', () => {
    expect(
      secretVariables({
        OPENAI_API_KEY: 'a-key',
        GITHUB_TOKEN: 'a-token',
        HTTPS_PROXY: 'http://me:pw@proxy:8080',
        SSH_AUTH_SOCK: '/run/agent',
        PATH: '/bin',
        LANG: 'C',
        EMPTY_SECRET: '',
        MAX_TOKENS: '200000',
        GIT_AUTHOR_NAME: 'Somebody Else',
        KEYBOARD_LAYOUT: 'english',
      }),
    ).toEqual(['a-key', 'a-token', 'http://me:pw@proxy:8080']);
  });

  test('quotes nothing from a file that is not JSON', () => {
    for (const text of [
      '{"apiKey": s3cr3t-key}',
      '{"a": "s3cr3t-key" "b"}',
      's3cr3t-key',
      '{"k":"s3cr3t-key',
      '',
    ]) {
      try {
        JSON.parse(text);
        expect.unreachable();
      } catch (error) {
        expect(jsonFault(error), text).not.toContain('s3cr');
        expect(jsonFault(error).length).toBeGreaterThan(5);
      }
    }
  });
});

describe('the program', () => {
  test('neither logs nor returns keys that a provider or an MCP server sends back', async () => {
    const keys = { OPENAI_API_KEY: 'provider-key-0123456789', NOTES_TOKEN: 'notes-token-0123456789' };
    const url = await listen((request, response) => {
      request.resume();
      response.writeHead(400, { 'content-type': 'application/json' });
      const message = `bad key ${request.headers.authorization} ${Buffer.from(keys.OPENAI_API_KEY).toString('base64')} at https://x.example/?key=${keys.OPENAI_API_KEY}`;
      response.end(JSON.stringify({ error: { message, type: 'invalid_request_error' } }));
    });
    const home = temporaryFolder();
    const workspace = join(home, 'workspace');
    mkdirSync(workspace);
    const broken = says('process.stderr.write("no " + process.env.TOKEN + "\\n"); process.exitCode = 1', {
      env: { TOKEN: reference('NOTES_TOKEN') },
    });
    writeFileSync(join(home, 'api', 'config.json'), JSON.stringify({ mcpServers: { notes: broken } }));
    const {
      child,
      finished,
      url: server,
    } = await serve(home, ['--workspace', workspace, '--model', 'openai/gpt-5', '--log-level', 'debug'], {
      ...keys,
      OPENAI_BASE_URL: `${url}/v1`,
    });
    const asked = await run(home, ['prompt', 'hello'], { env: { CODEBUDDY_MODEL: 'openai/gpt-5' } });
    expect(asked.code).toBe(1);
    const key = {
      headers: { 'x-api-key': readFileSync(join(home, 'api', 'api-key'), 'utf8').trim() },
    };
    const tools = await (await fetch(`${server}/api/tools`, key)).text();
    const events = await (await fetch(`${server}/api/events?limit=100`, key)).text();
    const runs = await (await fetch(`${server}/api/runs`, key)).text();
    child.kill();
    const { stderr: logged } = await finished;
    expect(logged).toContain('MCP server notes');
    const all = [logged, asked.stdout, asked.stderr, tools, events, runs].join('\n');
    expect(all).toContain('model_refused');
    expect(all).not.toMatch(/provider-key|notes-token|cHJvdmlkZXIta2V5/);
  });

  test.each([
    [
      'an array of providers',
      { providers: [{ apiKey: 's3cr3t-key' }] },
      'config.json providers must be an object',
    ],
    ['text for MCP servers', { mcpServers: 's3cr3t-key' }, 'config.json mcpServers must be an object'],
    [
      'a database at an impossible port',
      { database: 'postgres://u:s3cr3t-key@h:99999/db?x=s3cr3t-key' },
      'config.json database',
    ],
  ])('does not repeat an invalid setting: %s', async (_name, config, expected) => {
    const home = temporaryFolder();
    writeFileSync(join(home, 'api', 'config.json'), JSON.stringify(config));
    // A database of the environment would take precedence.
    const { code, stderr } = await run(home, ['serve'], { env: { DATABASE_URL: '' } });
    expect(code).toBe(2);
    expect(stderr).toContain(expected);
    expect(stderr).not.toContain('s3cr3t-key');
  });

  test('does not quote an invalid config.json or webhooks.json', async () => {
    const home = temporaryFolder();
    writeFileSync(join(home, 'api', 'config.json'), '{"providers": {"x": {"apiKey": s3cr3t-key}}}');
    const refused = await run(home, ['serve']);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/config\.json is not JSON: Unexpected token/);
    expect(refused.stderr).not.toContain('s3cr');

    writeFileSync(join(home, 'api', 'config.json'), '{}');
    writeFileSync(join(home, 'webhooks.json'), '[{"id": "whk_00000001", "secret": s3cr3t-key}]');
    const { child, finished } = await serve(home, ['--workspace', home]);
    child.kill();
    const { stderr } = await finished;
    expect(stderr).toContain('webhooks.json cannot be used');
    expect(stderr).not.toContain('s3cr');
  });
});
