// webhooks.json: written safely, edited by hand while running, and unusable in many ways.

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
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
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { waitFor } from '../wait-for.ts';
import { fastClock, type StoppedClock, stoppedClock } from './movable-clock.ts';
import { startReceiver } from './recording-receiver.ts';
import { secret, startWebhooks, temporaryHome, toolStart } from './start-webhooks.ts';

const url = 'http://127.0.0.1:9999/';
type Manager = ReturnType<typeof startWebhooks>['webhooks'];

const entry = { id: 'by-hand-1', name: 'by hand', url, events: ['tool.*'], enabled: true };

function fileOf(home: string): string {
  return join(home, 'webhooks.json');
}

function entries(home: string): Record<string, unknown>[] {
  const content: unknown = JSON.parse(readFileSync(fileOf(home), 'utf8'));
  return (Array.isArray(content) ? content : (content as { webhooks: unknown }).webhooks) as Record<
    string,
    unknown
  >[];
}

/** The copies of unusable files. */
function copies(home: string): string[] {
  return readdirSync(home).filter((name) => name.startsWith('webhooks.json.corrupt-'));
}

describe('webhooks.json', () => {
  it('holds the webhooks, readable by its owner only, and survives a restart', async () => {
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

  it('is read in the form of version 1, a bare list', async () => {
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
  ])('that is %s is set aside, and the last good state is used', async (_what, content) => {
    const home = temporaryHome();
    const first = startWebhooks({ home, clock: fastClock() });
    const id = await first.webhooks.register({ url });
    await first.webhooks.close();
    writeFileSync(fileOf(home), content);
    const { webhooks, warnings } = startWebhooks({ home, clock: fastClock() });
    expect((await webhooks.getAll()).map((webhook) => webhook.id)).toEqual([id]);
    expect(warnings.join()).toContain('cannot be used');
    const aside = copies(home);
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
    const { webhooks, warnings } = startWebhooks({ home, clock: fastClock() });
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
    const { webhooks, warnings } = startWebhooks({ home, clock: fastClock() });
    expect(await webhooks.getAll()).toEqual([]);
    expect(warnings.join()).toContain('was moved to');
    const id = await webhooks.register({ url });
    expect(entries(home)).toMatchObject([{ id }]);
  });

  it('that others can read is made private', async () => {
    const home = temporaryHome();
    writeFileSync(fileOf(home), JSON.stringify({ webhooks: [entry] }));
    chmodSync(fileOf(home), 0o644);
    const { webhooks, warnings } = startWebhooks({ home });
    await webhooks.getAll();
    expect(statSync(fileOf(home)).mode & 0o777).toBe(0o600);
    expect(warnings.join()).toContain('was readable by other users');
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

describe('an edit while the server runs', () => {
  it('creates, changes, disables and removes webhooks', async () => {
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

  it('of the URL redirects pending deliveries', async () => {
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

  it('that is unusable changes nothing and causes a warning', async () => {
    const { webhooks, home, warnings } = startWebhooks({ clock: fastClock() });
    const id = await webhooks.register({ url });
    writeFileSync(fileOf(home), '{"webhooks": [');
    await expect.poll(() => warnings.join()).toContain('cannot be used');
    expect((await webhooks.getAll()).map((webhook) => webhook.id)).toEqual([id]);
    await expect.poll(() => entries(home).length).toBe(1);
  });

  it('that deletes the file changes nothing', async () => {
    const { webhooks, home, warnings } = startWebhooks();
    const id = await webhooks.register({ url });
    rmSync(fileOf(home));
    await expect.poll(() => warnings.join()).toContain('was removed');
    expect(entries(home)).toMatchObject([{ id }]);
  });

  it('and a new webhook at the same time are both kept', async () => {
    const { webhooks, home } = startWebhooks();
    const id = await webhooks.register({ url });
    writeFileSync(fileOf(home), JSON.stringify({ webhooks: [...entries(home), entry] }));
    const second = await webhooks.register({ url });
    expect(entries(home).map((webhook) => webhook.id)).toEqual([id, entry.id, second]);
    await expect.poll(async () => (await webhooks.getAll()).length).toBe(3);
  });
});

describe('the form of the file', () => {
  it('is a list for a new file, as version 1 reads it', async () => {
    const { webhooks, home } = startWebhooks();
    const id = await webhooks.register({ url });
    expect(JSON.parse(readFileSync(fileOf(home), 'utf8'))).toMatchObject([{ id }]);
  });

  it.each([
    ['a list', [entry], (list: unknown) => list],
    ['an object', { webhooks: [entry] }, (list: unknown) => ({ webhooks: list })],
    [
      'an object with more in it',
      { $schema: 'x', webhooks: [entry] },
      (list: unknown) => ({ $schema: 'x', webhooks: list }),
    ],
  ])('stays %s', async (_what, content, form) => {
    const home = temporaryHome();
    writeFileSync(fileOf(home), JSON.stringify(content));
    const { webhooks } = startWebhooks({ home });
    await webhooks.register({ id: 'another-one', url });
    await webhooks.update('by-hand-1', { name: 'renamed' });
    expect(JSON.parse(readFileSync(fileOf(home), 'utf8'))).toMatchObject(
      form([{ id: 'by-hand-1', name: 'renamed' }, { id: 'another-one' }]) as object,
    );
  });
});

describe('a file that is being written', () => {
  /** Wait until the registry has looked at the unusable file again. Each look reads the clock, which stands still. */
  async function lookedAgain({ clock }: { readonly clock: StoppedClock }): Promise<void> {
    const before = clock.reads;
    await waitFor('a look at the file', () => clock.reads > before);
  }

  it('is waited for, at the start and while running, and no copy is made', async () => {
    const home = temporaryHome();
    const clock = stoppedClock();
    const whole = JSON.stringify([entry]);
    writeFileSync(fileOf(home), whole.slice(0, 20));
    const { webhooks, warnings } = startWebhooks({ home, clock: clock.clock });
    const all = webhooks.getAll();
    for (const length of [30, 40, whole.length]) {
      await lookedAgain({ clock });
      writeFileSync(fileOf(home), whole.slice(0, length));
    }
    expect((await all).map(({ id }) => id)).toEqual(['by-hand-1']);
    const more = JSON.stringify([entry, { ...entry, id: 'by-hand-2' }]);
    for (const length of [0, 30, 100]) {
      writeFileSync(fileOf(home), more.slice(0, length));
      await lookedAgain({ clock });
    }
    writeFileSync(fileOf(home), more);
    await expect.poll(async () => (await webhooks.getAll()).length).toBe(2);
    expect(copies(home)).toEqual([]);
    expect(warnings.filter((warning) => warning.includes('cannot be used'))).toEqual([]);
  });

  it('is set aside after it was unusable for 2 s', async () => {
    const clock = stoppedClock();
    const { webhooks, home } = startWebhooks({ clock: clock.clock });
    const id = await webhooks.register({ url });
    writeFileSync(fileOf(home), '{"webhooks": [');
    await lookedAgain({ clock });
    // Housekeeping may have read the clock, once.
    await lookedAgain({ clock });
    clock.pass(1900);
    await lookedAgain({ clock });
    expect(copies(home)).toEqual([]);
    clock.pass(100);
    await expect.poll(() => copies(home).length).toBe(1);
    expect(entries(home)).toMatchObject([{ id }]);
  });

  it('is not overwritten by a change in the middle', async () => {
    const clock = stoppedClock();
    const { webhooks, home } = startWebhooks({ clock: clock.clock });
    const id = await webhooks.register({ url });
    const list = JSON.stringify([...entries(home), entry]);
    writeFileSync(fileOf(home), list.slice(0, 30));
    const second = webhooks.register({ url: `${url}second` });
    await lookedAgain({ clock });
    expect(readFileSync(fileOf(home), 'utf8')).toBe(list.slice(0, 30));
    writeFileSync(fileOf(home), list);
    const added = await second;
    expect(entries(home).map((webhook) => webhook.id)).toEqual([id, entry.id, added]);
  });
});

it('copies of unusable edits within the same second are all kept', async () => {
  const { webhooks, home, warnings } = startWebhooks({ clock: fastClock() });
  const id = await webhooks.register({ url });
  const now = vi.spyOn(Date, 'now').mockReturnValue(Date.UTC(2026, 10, 29, 12));
  onTestFinished(() => void now.mockRestore());
  for (const [number, text] of ['first {', 'second {', 'third {'].entries()) {
    writeFileSync(fileOf(home), text);
    await expect
      .poll(() => warnings.filter((warning) => warning.includes('cannot be used')).length)
      .toBe(number + 1);
  }
  expect(
    copies(home)
      .map((name) => readFileSync(join(home, name), 'utf8'))
      .sort(),
  ).toEqual(['first {', 'second {', 'third {']);
  for (const name of copies(home)) expect(statSync(join(home, name)).mode & 0o777).toBe(0o600);
  expect(entries(home)).toMatchObject([{ id }]);
});

describe('a file behind a symbolic link', () => {
  async function startLinked() {
    const home = temporaryHome();
    const elsewhere = temporaryHome();
    const real = join(elsewhere, 'real.json');
    writeFileSync(real, JSON.stringify([entry]), { mode: 0o600 });
    symlinkSync(real, fileOf(home));
    return { elsewhere, real, ...startWebhooks({ home, clock: fastClock() }) };
  }

  it('is read again after an edit of the target, also by renaming', async () => {
    const { webhooks, real, home } = await startLinked();
    expect(await webhooks.getAll()).toHaveLength(1);
    writeFileSync(real, JSON.stringify([{ ...entry, name: 'in place' }]));
    await expect.poll(async () => (await webhooks.get('by-hand-1'))?.name).toBe('in place');
    writeFileSync(`${real}.new`, JSON.stringify([{ ...entry, name: 'renamed' }]));
    renameSync(`${real}.new`, real);
    await expect.poll(async () => (await webhooks.get('by-hand-1'))?.name).toBe('renamed');
    await webhooks.update('by-hand-1', { name: 'through the link' });
    expect(JSON.parse(readFileSync(real, 'utf8'))).toMatchObject([{ name: 'through the link' }]);
    expect(lstatSync(fileOf(home)).isSymbolicLink()).toBe(true);
  });

  it('stays a link after an unusable edit', async () => {
    const { webhooks, real, home, warnings } = await startLinked();
    expect(await webhooks.getAll()).toHaveLength(1);
    writeFileSync(real, 'nonsense');
    await expect.poll(() => warnings.join()).toContain('cannot be used');
    expect(lstatSync(fileOf(home)).isSymbolicLink()).toBe(true);
    expect(JSON.parse(readFileSync(real, 'utf8'))).toMatchObject([{ id: 'by-hand-1' }]);
    expect(copies(home).map((name) => readFileSync(join(home, name), 'utf8'))).toEqual(['nonsense']);
  });

  it('is read again when the link, or a link to a folder in its path, changes', async () => {
    const home = temporaryHome();
    const elsewhere = temporaryHome();
    for (const [folder, name] of [
      ['v1', 'one'],
      ['v2', 'two'],
      ['v3', 'three'],
    ] as const) {
      mkdirSync(join(elsewhere, folder));
      writeFileSync(join(elsewhere, folder, 'webhooks.json'), JSON.stringify([{ ...entry, name }]));
    }
    // As in a Kubernetes volume: the path of the link contains another link, which is replaced.
    const swap = (link: string, target: string) => {
      symlinkSync(target, `${link}.new`);
      renameSync(`${link}.new`, link);
    };
    swap(join(elsewhere, '..data'), 'v1');
    swap(fileOf(home), join(elsewhere, '..data', 'webhooks.json'));
    const { webhooks } = startWebhooks({ home });
    expect(await webhooks.get('by-hand-1')).toMatchObject({ name: 'one' });
    swap(join(elsewhere, '..data'), 'v2');
    await expect.poll(async () => (await webhooks.get('by-hand-1'))?.name).toBe('two');
    swap(fileOf(home), join(elsewhere, 'v3', 'webhooks.json'));
    await expect.poll(async () => (await webhooks.get('by-hand-1'))?.name).toBe('three');
    writeFileSync(join(elsewhere, 'v3', 'webhooks.json'), JSON.stringify([{ ...entry, name: 'last' }]));
    await expect.poll(async () => (await webhooks.get('by-hand-1'))?.name).toBe('last');
  });

  it('that does not exist yet is created at the target', async () => {
    const home = temporaryHome();
    const elsewhere = temporaryHome();
    symlinkSync(join(elsewhere, 'later.json'), fileOf(home));
    const { webhooks } = startWebhooks({ home });
    const id = await webhooks.register({ url });
    expect(lstatSync(fileOf(home)).isSymbolicLink()).toBe(true);
    expect(JSON.parse(readFileSync(join(elsewhere, 'later.json'), 'utf8'))).toMatchObject([{ id }]);
  });
});

describe('enabled, set by hand', () => {
  const save = (home: string, change: Record<string, unknown>) =>
    writeFileSync(fileOf(home), JSON.stringify(entries(home).map((webhook) => ({ ...webhook, ...change }))));

  it.each([
    [
      'by a person',
      async (webhooks: Manager, id: string) => void (await webhooks.update(id, { enabled: false })),
    ],
    [
      'by its receiver',
      async (webhooks: Manager, id: string) => {
        await webhooks.emit('tool.error', {
          callId: 'call_1',
          tool: 'bash',
          code: 'failed',
          message: 'x',
          durationMs: 1,
        });
        await expect.poll(async () => (await webhooks.get(id))?.enabled).toBe(false);
      },
    ],
  ])('to true while the server is stopped enables a webhook disabled %s', async (_who, disable) => {
    const receiver = await startReceiver();
    let isGone = true;
    receiver.answer((request, response) =>
      response.writeHead(isGone && request.headers['x-webhook-event'] === 'tool.error' ? 410 : 200).end(),
    );
    const first = startWebhooks();
    const { home } = first;
    const id = await first.webhooks.register({ url: receiver.url, events: ['tool.*'] });
    await disable(first.webhooks, id);
    await first.webhooks.close();
    expect(entries(home)).toMatchObject([{ enabled: false }]);
    save(home, { enabled: true });
    // The event that was refused is still pending. A second 410 would disable the webhook again.
    isGone = false;
    const { webhooks } = startWebhooks({ home });
    expect(await webhooks.get(id)).toMatchObject({ enabled: true, state: { status: 'healthy' } });
    const { deliveries } = await webhooks.emit('tool.start', toolStart());
    expect(await webhooks.settled(deliveries)).toMatchObject([{ status: 'success' }]);
  });

  it('to false while the server is stopped disables it; missed events are counted and can be sent', async () => {
    const receiver = await startReceiver();
    const first = startWebhooks();
    const { home } = first;
    const id = await first.webhooks.register({ url: receiver.url });
    await first.webhooks.settled((await first.webhooks.emit('tool.start', toolStart())).deliveries);
    await first.webhooks.close();
    save(home, { enabled: false });
    const { webhooks } = startWebhooks({ home });
    for (let i = 0; i < 3; i++) await webhooks.emit('tool.start', toolStart(i));
    expect((await webhooks.get(id))?.state).toMatchObject({
      status: 'disabled',
      disabledReason: 'by_hand',
      missed: 3,
    });
    expect(await webhooks.enable(id, { replayMissed: true })).toMatchObject({ queued: 3 });
    await receiver.received(4);
  });

  it('to false in a new webhook counts missed events, in the file and through the API', async () => {
    const { webhooks, home } = startWebhooks();
    await webhooks.register({ url, enabled: false });
    await webhooks.emit('tool.start', toolStart());
    writeFileSync(fileOf(home), JSON.stringify([...entries(home), { ...entry, enabled: false }]));
    await expect.poll(async () => (await webhooks.getAll()).length).toBe(2);
    await webhooks.emit('tool.start', toolStart());
    const states = (await webhooks.getAll()).map(({ id, state }) => [id === 'by-hand-1', state.missed]);
    expect(new Map(states as [boolean, number][])).toEqual(
      new Map([
        [false, 2],
        [true, 1],
      ]),
    );
  });

  it('does not count its own webhook.disabled as missed', async () => {
    const { webhooks } = startWebhooks();
    const id = await webhooks.register({ url });
    const other = await webhooks.register({ url: `${url}other`, enabled: false });
    await webhooks.update(id, { enabled: false });
    expect((await webhooks.get(id))?.state.missed).toBe(0);
    expect((await webhooks.get(other))?.state.missed).toBe(1);
  });
});

it('a folder that cannot be written refuses a new webhook and keeps the others', async () => {
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
