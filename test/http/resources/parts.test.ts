// Images and files of prompts: uploads, `data:` URLs and paths of the workspace, up to what the model gets.

import { linkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { PartInput } from '../../../src/client/index.ts';
import type { ModelRequest } from '../../agent/model-server.ts';
import { startModelServer } from '../../agent/model-server.ts';
import { pdfOf, png, pngOf } from '../../agent/sample-files.ts';
import { calls, says } from '../../agent/start-model-agent.ts';
import { startApp } from '../start-app.ts';

const nowhere = { OLLAMA_HOST: '127.0.0.1:9', LMSTUDIO_HOST: '127.0.0.1:9' };
const dataUrl = (type: string, content: Buffer): string =>
  `data:${type};base64,${content.toString('base64')}`;

/** An app with a model that sees, one that does not, and one of which that is not known. */
async function startSeeing(config: Readonly<Record<string, unknown>> = {}) {
  const server = await startModelServer(says('I see.'));
  const baseURL = `${server.url}/v1`;
  const started = await startApp({
    config: {
      models: ['seeing/one'],
      providers: {
        seeing: { baseURL, can: { vision: true } },
        blind: { baseURL, can: { vision: false } },
        unknown: { baseURL },
      },
      ...config,
    },
    environment: nowhere,
  });
  return { ...started, server };
}

/** The content of the messages of the user, as they were sent. */
function contentsOf({ body }: ModelRequest): readonly unknown[] {
  const { messages } = body as { messages: readonly { role: string; content: unknown }[] };
  return messages.filter(({ role }) => role === 'user').map(({ content }) => content);
}

const imagesIn = (request: ModelRequest | undefined): number =>
  (JSON.stringify(request?.body).split('"image_url"').length - 1) >> 1;

test('an uploaded file is typed by its content, read back, and refused if it is too large or of another type', async () => {
  const { client, url, home } = await startSeeing({ maxFileSize: 5000, maxStoredFiles: 6000 });
  const file = await client.uploads.create(png, { name: '../a dir/shot.jpg' });
  expect(file).toMatchObject({ name: 'shot.jpg', mediaType: 'image/png', size: png.length });
  expect(Buffer.compare(await client.uploads.content(file.id), png)).toBe(0);
  expect(await client.uploads.get(file.id)).toEqual(file);
  expect(Date.parse(file.expiresAt) - Date.parse(file.createdAt)).toBe(90 * 86_400_000);

  const refused = (content: Buffer) =>
    client.uploads.create(content).catch(({ status, code }) => ({ status, code }));
  expect(await refused(Buffer.alloc(5001, 'a'))).toEqual({ status: 413, code: 'body_too_large' });
  expect(await refused(Buffer.from([0, 1, 2, 0xff]))).toEqual({ status: 415, code: 'unsupported_file_type' });
  // Begins like an image, and is none.
  expect(await refused(png.subarray(0, 12))).toEqual({ status: 415, code: 'unsupported_file_type' });
  expect(await refused(pngOf(9000, 10))).toEqual({ status: 413, code: 'file_too_large' });
  expect(await refused(Buffer.alloc(0))).toEqual({ status: 400, code: 'invalid_body' });
  await client.uploads.create(Buffer.alloc(4900, 'a'));
  expect(await refused(Buffer.alloc(2000, 'a'))).toEqual({ status: 507, code: 'uploads_full' });

  const key = await client.keys.create({ name: 'reader', scopes: ['read'] });
  const as = { authorization: `Bearer ${key.key}` };
  const content = await fetch(`${url}/api/files/${file.id}/content`, { headers: as });
  expect(content.headers.get('content-type')).toBe('image/png');
  expect(content.headers.get('content-disposition')).toBe(
    `inline; filename="shot.jpg"; filename*=UTF-8''shot.jpg`,
  );
  const form = new FormData();
  form.set('file', new Blob([png]));
  const admin = {
    authorization: `Bearer ${(await client.keys.create({ name: 'all', scopes: ['prompt'] })).key}`,
  };
  const multipart = await fetch(`${url}/api/files`, { method: 'POST', body: form, headers: admin });
  expect(await multipart.json()).toMatchObject({ status: 415, code: 'unsupported_media_type' });
  expect((await fetch(`${url}/api/files`, { method: 'POST', body: png, headers: as })).status).toBe(403);

  await client.uploads.delete(file.id);
  await expect(client.uploads.get(file.id)).rejects.toMatchObject({ status: 404, code: 'upload_not_found' });
  expect(home).not.toBe('');
});

test('the model gets text, images and files in their order, and again with each later prompt', async () => {
  const { client, server, write, workspace } = await startSeeing();
  write('docs/note.txt', 'from the workspace');
  writeFileSync(join(workspace, 'shot.png'), png);
  const { id: fileId } = await client.uploads.create(png, { name: 'up.png' });
  const parts: PartInput[] = [
    { type: 'image', fileId },
    { type: 'text', text: 'and here:' },
    { type: 'file', url: dataUrl('application/octet-stream', pdfOf('Hello from a PDF')), name: 'report.pdf' },
    { type: 'file', path: 'docs/note.txt' },
    // By its content, it is an image.
    { type: 'file', path: 'shot.png' },
  ];
  const { sessionId, runId } = await client.prompt({ prompt: 'look', parts });
  const image = { type: 'image_url', image_url: { url: dataUrl('image/png', png) } };
  const sent = [
    { type: 'text', text: 'look' },
    image,
    { type: 'text', text: 'and here:' },
    {
      type: 'text',
      text: '<file name="report.pdf" type="application/pdf">\n--- page 1 of 1 ---\nHello from a PDF\n</file>',
    },
    { type: 'text', text: '<file name="note.txt" type="text/plain">\nfrom the workspace\n</file>' },
    image,
  ];
  expect(contentsOf(server.requests[0] as ModelRequest)).toEqual([sent]);

  write('docs/note.txt', 'changed since');
  await client.prompt({ prompt: 'again', sessionId });
  const fork = await client.sessions.fork(sessionId);
  await client.prompt({ prompt: 'again', sessionId: fork.id });
  for (const request of server.requests.slice(1)) expect(contentsOf(request)[0]).toEqual(sent);

  const shown = [
    { type: 'image', fileId, name: 'up.png', mediaType: 'image/png', size: png.length },
    { type: 'text', text: 'and here:' },
    { type: 'file', name: 'report.pdf', mediaType: 'application/pdf' },
    { type: 'file', name: 'note.txt', mediaType: 'text/plain', size: 18 },
    { type: 'image', name: 'shot.png', mediaType: 'image/png' },
  ];
  expect((await client.runs.get(runId)).parts).toMatchObject(shown);
  const [message] = (await client.sessions.messages(sessionId)).messages;
  expect(message?.parts).toMatchObject(shown);
  const { events } = await client.events.list({ runId, types: 'message.user' });
  expect(events[0]?.data).toMatchObject({ text: 'look', parts: shown });
  expect(JSON.stringify(events)).not.toContain(png.toString('base64'));
  const markdown = await client.sessions.export(sessionId, { format: 'markdown' });
  expect(markdown).toContain('report.pdf');

  // A file that is gone is named.
  await client.uploads.delete(fileId);
  await client.prompt({ prompt: 'once more', sessionId });
  const last = contentsOf(server.requests.at(-1) as ModelRequest)[0] as readonly unknown[];
  expect(last[1]).toEqual({ type: 'text', text: '[The image "up.png" is not shown.]' });
  expect(last.slice(2)).toEqual(sent.slice(2));
});

test('a part that cannot be used is refused with its JSON Pointer, and nothing is started', async () => {
  const { client, server, write, workspace, home } = await startSeeing({
    permissions: { deny: ['read_file(secret/**)'] },
    maxFileSize: 100_000,
  });
  write('secret/key.txt', 'top secret');
  write('plain.txt', 'plain');
  writeFileSync(join(home, 'outside.txt'), 'outside');
  symlinkSync(join(home, 'outside.txt'), join(workspace, 'link.txt'));
  symlinkSync(join(workspace, 'secret/key.txt'), join(workspace, 'inner.txt'));
  linkSync(join(workspace, 'secret/key.txt'), join(workspace, 'hard.txt'));
  const refusal = (part: PartInput, options = {}) =>
    client.prompt({ prompt: 'look', parts: [{ type: 'text', text: 'first' }, part], options }).then(
      () => 'started',
      ({ status, code, message, errors }) => {
        expect(message).toMatch(/^parts\[1\]/);
        return [status, code, errors?.[0]?.pointer];
      },
    );
  const cases: readonly (readonly [PartInput, ...unknown[]])[] = [
    [{ type: 'image' }, 422, 'validation_failed', '/parts/1'],
    [{ type: 'image', path: 'a', fileId: 'b' }, 422, 'validation_failed', '/parts/1/path'],
    [{ type: 'text', path: 'a' }, 422, 'validation_failed', '/parts/1/path'],
    [{ type: 'text', text: ' ' }, 422, 'validation_failed', '/parts/1/text'],
    [{ type: 'image', url: 'https://example.com/a.png' }, 422, 'validation_failed', '/parts/1/url'],
    [{ type: 'image', url: 'data:image/png;base64,%%%' }, 422, 'validation_failed', '/parts/1/url'],
    [{ type: 'image', fileId: 'fil_none' }, 404, 'upload_not_found', '/parts/1/fileId'],
    [{ type: 'image', path: 'plain.txt' }, 415, 'unsupported_file_type', '/parts/1'],
    [
      { type: 'file', url: dataUrl('text/plain', Buffer.from([0, 1])) },
      415,
      'unsupported_file_type',
      '/parts/1/url',
    ],
    [
      { type: 'file', url: dataUrl('text/plain', Buffer.alloc(100_001, 'a')) },
      413,
      'file_too_large',
      '/parts/1/url',
    ],
    [{ type: 'file', url: dataUrl('application/pdf', pdfOf('')) }, 422, 'file_unreadable', '/parts/1'],
    [
      { type: 'file', url: dataUrl('application/pdf', Buffer.from('%PDF-1.4 broken')) },
      422,
      'file_unreadable',
      '/parts/1',
    ],
    [{ type: 'file', path: 'none.txt' }, 404, 'file_not_found', '/parts/1/path'],
    [{ type: 'file', path: '../home/outside.txt' }, 403, 'outside_workspace', '/parts/1/path'],
    [{ type: 'file', path: 'link.txt' }, 403, 'outside_workspace', '/parts/1/path'],
    [{ type: 'file', path: 'secret/key.txt' }, 403, 'permission_denied', '/parts/1/path'],
    [{ type: 'file', path: 'inner.txt' }, 403, 'permission_denied', '/parts/1/path'],
    [{ type: 'file', path: 'hard.txt' }, 403, 'permission_denied', '/parts/1/path'],
  ];
  for (const [part, ...expected] of cases)
    expect([part, ...(await refusal(part))]).toEqual([part, ...expected]);

  const seen = { type: 'image' as const, url: dataUrl('image/png', png) };
  expect(await refusal(seen, { model: 'blind/one' })).toEqual([422, 'model_cannot_see', '/parts/1']);
  expect(await refusal(seen, { model: 'offline' })).toEqual([422, 'model_cannot_see', '/parts/1']);
  expect(await refusal(seen, { model: 'openai/gpt-3.5-turbo' })).toEqual([
    422,
    'model_cannot_see',
    '/parts/1',
  ]);
  expect(server.requests).toEqual([]);
  expect((await client.sessions.list()).sessions).toEqual([]);

  const offline = await client.prompt({
    prompt: 'help',
    parts: [{ type: 'file', path: 'plain.txt' }],
    options: { model: 'offline' },
  });
  expect(offline.response).toMatch(/^Got plain.txt \(text\/plain, 5 bytes\)\./);
});

test('read_file shows an image to a model that sees, and the text of a PDF', async () => {
  const { client, server, workspace } = await startSeeing();
  writeFileSync(join(workspace, 'shot.png'), png);
  writeFileSync(join(workspace, 'report.pdf'), pdfOf('Quarterly'));
  server.reply([
    {
      kind: 'answer',
      toolCalls: ['shot.png', 'report.pdf'].map((path) => ({ name: 'read_file', arguments: { path } })),
    },
    says('I see.'),
    calls('read_file', { path: 'shot.png' }),
    says('I do not see.'),
  ]);
  const { sessionId } = await client.prompt('look at both');
  const [, second] = server.requests;
  expect(imagesIn(second)).toBe(1);
  expect(second?.messages.find(({ role }) => role === 'tool')?.toolResults.map(({ text }) => text)).toEqual([
    expect.stringContaining('"width":1,"height":1'),
    expect.stringContaining('Quarterly'),
  ]);
  const { messages } = await client.sessions.messages(sessionId);
  expect(messages[1]?.parts).toMatchObject([{ type: 'image', name: 'shot.png', mediaType: 'image/png' }]);

  const blind = await client.prompt({ prompt: 'and you?', sessionId, options: { model: 'blind/one' } });
  expect(blind.response).toBe('I do not see.');
  expect(server.requests.slice(2).map(imagesIn)).toEqual([0, 0]);
  const { messages: all } = await client.sessions.messages(sessionId);
  expect(all.at(-2)?.content).toBe('shot.png is an image of 70 bytes; only a model that sees can read it.');
});

test('a model that refuses images fails the run clearly, and gets none afterwards', async () => {
  const { client, server } = await startSeeing();
  server.reply([
    { kind: 'error', status: 400, message: 'No endpoints found that support image input' },
    says('without'),
  ]);
  const parts: PartInput[] = [{ type: 'image', url: dataUrl('image/png', png) }];
  const options = { model: 'unknown/one' };
  await expect(client.prompt({ prompt: 'look', parts, options })).rejects.toMatchObject({
    code: 'model_cannot_see',
  });
  const { sessions } = await client.sessions.list();
  const again = await client.prompt({ prompt: 'go on', sessionId: sessions[0]?.id ?? '', options });
  expect(again.response).toBe('without');
  expect(server.requests.map(imagesIn)).toEqual([1, 0]);
  await expect(client.prompt({ prompt: 'look', parts, options })).rejects.toMatchObject({ status: 422 });
  // A server that is too slow for one list is reachable in the next.
  await expect
    .poll(async () => (await client.models.list()).models[0])
    .toMatchObject({ id: 'seeing/one', reachable: true, can: { vision: true, tools: null } });
});

test('the OpenAI-compatible routes pass images and files on', async () => {
  const { client, server, url } = await startSeeing();
  const { key } = await client.keys.create({ name: 'chat', scopes: ['prompt'] });
  const post = (path: string, body: object) =>
    fetch(url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const image = { type: 'image_url', image_url: { url: dataUrl('image/png', png) } };
  const file = { filename: 'a.txt', file_data: Buffer.from('hello').toString('base64') };
  const content = [{ type: 'text', text: 'see' }, image, { type: 'file', file }];
  const chat = await post('/v1/chat/completions', { messages: [{ role: 'user', content }] });
  expect(await chat.json()).toMatchObject({ choices: [{ message: { content: 'I see.' } }] });
  const response = await post('/v1/responses', {
    input: [
      {
        role: 'user',
        content: [
          { type: 'input_image', image_url: dataUrl('image/png', png) },
          { type: 'input_file', ...file },
        ],
      },
    ],
  });
  expect(response.status).toBe(200);
  const attached = { type: 'text', text: '<file name="a.txt" type="text/plain">\nhello\n</file>' };
  expect(server.requests.map((request) => contentsOf(request)[0])).toEqual([
    [{ type: 'text', text: 'see' }, image, attached],
    [{ type: 'text', text: '(no text)' }, image, attached],
  ]);
});
