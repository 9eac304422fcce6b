// webhooks.json: written safely, edited by hand while running, and every way in which it can be unusable (case 154).

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startReceiver } from './recording-receiver.ts';
import { secret, startWebhooks, temporaryHome, toolStart } from './start-webhooks.ts';

const url = 'http://127.0.0.1:9999/';
const entry = { id: 'by-hand-1', name: 'by hand', url, events: ['tool.*'], enabled: true };

function fileOf(home: string): string {
  return join(home, 'webhooks.json');
}

function entries(home: string): Record<string, unknown>[] {
  return (JSON.parse(readFileSync(fileOf(home), 'utf8')) as { webhooks: Record<string, unknown>[] }).webhooks;
}

describe('webhooks.json', () => {
  it('holds what was registered, for its owner only, and outlives the process', async () => {
    const { webhooks, home } = startWebhooks();
    const id = await webhooks.register({ url, secret, headers: { 'X-A': 'b' }, retryCount: 3 });
    expect(statSync(fileOf(home)).mode & 0o777).toBe(0o600);
    expect(entries(home)).toEqual([
      {
        id,
        name: '127.0.0.1:9999',
        url,
        events: ['*'],
        secret,
        enabled: true,
        headers: { 'X-A': 'b' },
        retryCount: 3,
      },
    ]);
    await webhooks.close();
    const next = startWebhooks({ home });
    expect(await next.webhooks.get(id)).toMatchObject({ id, url, retryCount: 3, signed: true });
    await next.webhooks.remove(id);
    expect(entries(home)).toEqual([]);
    expect(readdirSync(home).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('is read in the form of the first version too: a bare list', async () => {
    const home = temporaryHome();
    writeFileSync(fileOf(home), `\uFEFF${JSON.stringify([entry]).replaceAll(',', ',\r\n')}`);
    const { webhooks } = startWebhooks({ home });
    expect(await webhooks.getAll()).toMatchObject([{ id: 'by-hand-1', name: 'by hand' }]);
  });

  it.each([
    ['empty', ''],
    ['half', '{"webhooks": [{"id": "by-ha'],
    ['not JSON', 'url: x'],
    ['of another form', '{"hooks": []}'],
    ['a number', '7'],
    ['deeply nested', '['.repeat(100_000)],
    ['with an unknown field', JSON.stringify({ webhooks: [{ ...entry, color: 'red' }] })],
    ['with a wrong type', JSON.stringify({ webhooks: [{ ...entry, enabled: 'yes' }] })],
    ['with a forbidden URL', JSON.stringify({ webhooks: [{ ...entry, url: 'http://169.254.169.254/' }] })],
    ['with one id twice', JSON.stringify({ webhooks: [entry, entry] })],
    ['without an id', JSON.stringify({ webhooks: [{ ...entry, id: undefined }] })],
    ['hostile', '{"webhooks": [{"__proto__": {"x": 1}, "id": "by-hand-1"}]}'],
  ])('that is %s is set aside, and the last good state is used', async (_what, content) => {
    const home = temporaryHome();
    const first = startWebhooks({ home });
    const id = await first.webhooks.register({ url });
    await first.webhooks.close();
    writeFileSync(fileOf(home), content);
    const { webhooks, warnings } = startWebhooks({ home });
    expect((await webhooks.getAll()).map((webhook) => webhook.id)).toEqual([id]);
    expect(warnings.join()).toContain('cannot be used');
    const aside = readdirSync(home).filter((name) => name.startsWith('webhooks.json.corrupt-'));
    expect(aside).toHaveLength(1);
    expect(readFileSync(join(home, aside[0] ?? ''), 'utf8')).toBe(content);
    expect(entries(home)).toMatchObject([{ id }]);
  });

  it('that is not UTF-8 is set aside with all its bytes', async () => {
    const home = temporaryHome();
    const bytes = Buffer.from(
      JSON.stringify({ webhooks: [{ ...entry, metadata: { place: 'Z\xfcrich' } }] }),
      'latin1',
    );
    writeFileSync(fileOf(home), bytes);
    const { webhooks, warnings } = startWebhooks({ home });
    await webhooks.getAll();
    expect(warnings.join()).toContain('it is not UTF-8');
    const aside = readdirSync(home).find((name) => name.startsWith('webhooks.json.corrupt-'));
    expect(readFileSync(join(home, aside ?? ''))).toEqual(bytes);
  });

  it.each([
    ['a folder', (path: string) => mkdirSync(path)],
    ['a pipe', (path: string) => execFileSync('mkfifo', [path])],
    ['20 MB', (path: string) => writeFileSync(path, ' '.repeat(20_000_000))],
  ] as const)('that is %s is set aside', async (_what, make) => {
    const home = temporaryHome();
    make(fileOf(home));
    const { webhooks, warnings } = startWebhooks({ home });
    expect(await webhooks.getAll()).toEqual([]);
    expect(warnings.join()).toContain('was moved to');
    const id = await webhooks.register({ url });
    expect(entries(home)).toMatchObject([{ id }]);
  });

  it('that others can read is closed to them', async () => {
    const home = temporaryHome();
    writeFileSync(fileOf(home), JSON.stringify({ webhooks: [entry] }));
    chmodSync(fileOf(home), 0o644);
    const { webhooks, warnings } = startWebhooks({ home });
    await webhooks.getAll();
    expect(statSync(fileOf(home)).mode & 0o777).toBe(0o600);
    expect(warnings.join()).toContain('could be read by others');
  });

  it('that is a link stays one', async () => {
    const home = temporaryHome();
    const real = join(home, 'elsewhere.json');
    writeFileSync(real, JSON.stringify({ webhooks: [entry] }), { mode: 0o600 });
    symlinkSync(real, fileOf(home));
    const { webhooks } = startWebhooks({ home });
    await webhooks.register({ url });
    expect(JSON.parse(readFileSync(real, 'utf8')).webhooks).toHaveLength(2);
  });
});

describe('an edit by hand while running', () => {
  it('adds, changes, disables and removes webhooks', async () => {
    const receiver = await startReceiver();
    const { webhooks, home } = startWebhooks();
    const id = await webhooks.register({ url: receiver.url, events: ['session.start'] });
    const save = (list: unknown) => {
      writeFileSync(`${fileOf(home)}.new`, JSON.stringify({ webhooks: list }), { mode: 0o600 });
      renameSync(`${fileOf(home)}.new`, fileOf(home));
    };
    const [old] = entries(home);
    save([
      { ...old, events: ['tool.*'], name: 'renamed' },
      { ...entry, url: receiver.url },
    ]);
    await expect.poll(async () => (await webhooks.getAll()).length).toBe(2);
    expect(await webhooks.get(id)).toMatchObject({ name: 'renamed', events: ['tool.*'] });
    await webhooks.settled((await webhooks.emit('tool.start', toolStart())).deliveries);
    expect(receiver.requests).toHaveLength(2);

    save([{ ...old, enabled: false }]);
    await expect.poll(async () => (await webhooks.get(id))?.enabled).toBe(false);
    await expect.poll(async () => (await webhooks.getAll()).length).toBe(1);
    expect((await webhooks.get(id))?.state.disabledReason).toBe('by_hand');
    save([old]);
    await expect.poll(async () => (await webhooks.get(id))?.enabled).toBe(true);
  });

  it('155: what was pending goes to the new URL', async () => {
    const old = await startReceiver();
    const next = await startReceiver();
    const { webhooks, home } = startWebhooks();
    old.answer((_request, response) => response.writeHead(500).end());
    await webhooks.register({ url: old.url, retryDelay: 300 });
    const { deliveries } = await webhooks.emit('tool.start', toolStart());
    await old.received(1);
    writeFileSync(fileOf(home), JSON.stringify({ webhooks: [{ ...entries(home)[0], url: next.url }] }));
    const [delivery] = await webhooks.settled(deliveries);
    expect(delivery?.status).toBe('success');
    expect(next.requests).toHaveLength(1);
  });

  it('that makes no sense changes nothing and is said', async () => {
    const { webhooks, home, warnings } = startWebhooks();
    const id = await webhooks.register({ url });
    writeFileSync(fileOf(home), '{"webhooks": [');
    await expect.poll(() => warnings.join()).toContain('cannot be used');
    expect((await webhooks.getAll()).map((webhook) => webhook.id)).toEqual([id]);
    await expect.poll(() => existsSync(fileOf(home)) && entries(home).length).toBe(1);
  });

  it('that removes the file changes nothing', async () => {
    const { webhooks, home, warnings } = startWebhooks();
    const id = await webhooks.register({ url });
    rmSync(fileOf(home));
    await expect.poll(() => warnings.join()).toContain('was removed');
    expect(entries(home)).toMatchObject([{ id }]);
  });

  it('and a registration at the same time are both kept', async () => {
    const { webhooks, home } = startWebhooks();
    const id = await webhooks.register({ url });
    writeFileSync(fileOf(home), JSON.stringify({ webhooks: [...entries(home), entry] }));
    const second = await webhooks.register({ url });
    expect(entries(home).map((webhook) => webhook.id)).toEqual([id, entry.id, second]);
    await expect.poll(async () => (await webhooks.getAll()).length).toBe(3);
  });
});

it('142: a folder that cannot be written refuses the registration, and keeps what is there', async () => {
  const { webhooks, home } = startWebhooks();
  const id = await webhooks.register({ url });
  // A folder in the place of the temporary file: rename cannot succeed, even for root.
  mkdirSync(`${fileOf(home)}.${process.pid}.tmp`);
  mkdirSync(`${fileOf(home)}.${process.pid}.tmp/x`);
  await expect(webhooks.register({ url })).rejects.toThrow();
  rmSync(`${fileOf(home)}.${process.pid}.tmp`, { recursive: true });
  expect((await webhooks.getAll()).map((webhook) => webhook.id)).toEqual([id]);
  expect(entries(home)).toHaveLength(1);
});
