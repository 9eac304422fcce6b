// Rules for files apply to the file under each of its names, for every tool and every caller.

import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { allows, forbids, parseRule, type ToolUse } from '../../../src/agent/permissions/permission-rule.ts';
import { startAgent } from '../start-agent.ts';
import { calls, says, startModelAgent } from '../start-model-agent.ts';

function file(tool: string, path: string, realPath: string | undefined = path): ToolUse {
  return {
    tool,
    params: { path },
    target: { kind: 'file', path, realPath, isShared: false, otherNames: [] },
  };
}

describe('a pattern', () => {
  it.each([
    ['write_file(src/**)', 'src/a/b.ts', true],
    ['write_file(src/**)', 'src', false],
    ['write_file(src/*)', 'src/a/b.ts', false],
    ['write_file(*.ts)', 'src/a/b.ts', true],
    ['write_file(/a.ts)', 'src/a.ts', false],
    ['write_file(src/)', 'src/a.ts', true],
    ['write_file(a.ts)', 'A.ts', false],
    // A bracket that is a whole segment allows only the name.
    ['write_file(app/[id]/**)', 'app/[id]/page.tsx', true],
    ['write_file(app/[id]/**)', 'app/i/page.tsx', false],
    ['write_file(app/[[...slug]]/*)', 'app/[[...slug]]/page.tsx', true],
    ['write_file(app/{[id],[user-id]}/*)', 'app/[user-id]/page.tsx', true],
    ['write_file(app/{[id],x}/*)', 'app/d/page.tsx', false],
    ['write_file([ab].ts)', 'a.ts', true],
    ['write_file(caf\u00e9/**)', 'cafe\u0301/a.ts', true],
    ['write_file(src/**)', 'src/a\nb', true],
  ])('allow %s for %j: %s', (rule, path, wanted) => {
    expect(allows(parseRule(rule), file('write_file', path))).toBe(wanted);
  });

  it.each([
    ['write_file(app/[id]/**)', 'app/[id]/page.tsx', true],
    ['write_file(app/[id]/**)', 'app/i/page.tsx', true],
    ['write_file(app/[id]/[slug]/*)', 'app/[id]/s/page.tsx', true],
    ['write_file(app/[user-id]/**)', 'app/[user-id]/page.tsx', true],
    ['write_file(app/[user-id]/**)', 'app/u/page.tsx', false],
    ['write_file(app/[[...slug]]/*)', 'app/[[...slug]]/page.tsx', true],
    ['write_file(.env*)', 'sub/.env.local', true],
    ['write_file(.env*)', '.ENV', true],
    ['write_file(secrets/**)', 'secrets/a\nb', true],
    ['write_file(secrets)', 'secrets/deep/a', true],
    ['write_file(secrets/)', 'a/secrets/b', true],
    ['write_file(src/*)', 'src/a/b.ts', false],
    ['write_file(caf\u00e9/**)', 'cafe\u0301/a.ts', true],
    ['write_file(.*)', 'a.ts', false],
    ['write_file(**)', 'a.ts', true],
    ['edit_file(a.ts)', 'a.ts', true],
    ['read_file(a.ts)', 'a.ts', false],
  ])('deny %s for %j: %s', (rule, path, wanted) => {
    expect(forbids(parseRule(rule), file('write_file', path))).toBe(wanted);
  });

  it('forbids by the spelled and by the real path, and allows by the real path alone', () => {
    const deny = parseRule('write_file(.git/**)');
    expect(forbids(deny, file('write_file', 'src/hook', '.git/hooks/x'))).toBe(true);
    expect(forbids(deny, file('write_file', '.git/x', 'src/x'))).toBe(true);
    expect(allows(parseRule('write_file(src/**)'), file('write_file', 'src/hook', '.git/hooks/x'))).toBe(
      false,
    );
    expect(allows(parseRule('write_file(src/**)'), file('write_file', 'link', 'src/x'))).toBe(true);
  });

  it('forbids a file whose real path is unknown', () => {
    const undecided = file('write_file', 'a');
    const target = { ...undecided.target, realPath: undefined } as ToolUse['target'];
    expect(forbids(parseRule('write_file(b)'), { ...undecided, target })).toBe(true);
    expect(allows(parseRule('write_file(**/a)'), { ...undecided, target })).toBe(false);
  });

  it('that is not a valid glob is refused at the start', () => {
    expect(() => parseRule('write_file({a)')).toThrow('is not a glob pattern');
  });
});

describe('deny read_file(.env*)', () => {
  const secret = 'KEY=TOP-SECRET';
  async function start(deny: readonly string[] = ['read_file(.env*)'], more = {}) {
    const running = await startAgent({ permissions: { allow: [], deny }, permissionMode: 'full', ...more });
    running.write('.env', secret);
    running.write('a.txt', 'TOP-SECRET-not');
    running.write('sub/.env.local', secret);
    return running;
  }
  const failure = (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      (result) => ({ result }),
      (error: unknown) => error,
    );

  it.each([
    ['its name', '.env', () => undefined],
    ['a path around', 'sub/../.env', () => undefined],
    ['a link', 'link', (at: string) => symlinkSync('.env', join(at, 'link'))],
    [
      'a link to a link',
      'two',
      (at: string) => {
        symlinkSync('one', join(at, 'two'));
        symlinkSync('.env', join(at, 'one'));
      },
    ],
    ['a linked folder', 'dir/.env.local', (at: string) => symlinkSync('sub', join(at, 'dir'))],
    ['a hard link', 'hard.txt', (at: string) => linkSync(join(at, '.env'), join(at, 'hard.txt'))],
  ])('applies to read_file and edit_file by %s', async (_, path, prepare) => {
    const { tool, workspace } = await start();
    prepare(workspace);
    expect(await failure(tool('read_file', { path }))).toMatchObject({ code: 'permission_denied' });
    const edit = { path, oldText: 'KEY', newText: 'X' };
    expect(await failure(tool('edit_file', edit))).toMatchObject({ code: 'permission_denied' });
    expect(readFileSync(join(workspace, '.env'), 'utf8')).toBe(secret);
  });

  it('is reported to the model before anything is opened, also for a hard link', async () => {
    for (const [name, params] of [
      ['read_file', { path: 'hard.txt' }],
      ['read_file', { path: 'link' }],
      ['search', { pattern: 'SECRET', path: 'sub/.env.local' }],
      ['edit_file', { path: 'link', oldText: 'a', newText: 'b' }],
    ] as const) {
      const { prompt, server, workspace, write } = await startModelAgent([calls(name, params), says('no')], {
        permissions: { allow: [], deny: ['read_file(.env*)'] },
        permissionMode: 'full',
      });
      write('.env', secret);
      write('sub/.env.local', secret);
      symlinkSync('.env', join(workspace, 'link'));
      linkSync(join(workspace, '.env'), join(workspace, 'hard.txt'));
      await prompt('go');
      expect(server.requests[1]?.messages.at(-1)?.toolResults[0]?.text, name).toContain(
        'the rule deny read_file(.env*) forbids it',
      );
    }
  });

  it('withholds the file from search, glob and list_directory, and counts it', async () => {
    const { tool, workspace } = await start();
    linkSync(join(workspace, '.env'), join(workspace, 'hard.txt'));
    const found = await tool('search', { pattern: 'TOP-SECRET' });
    expect(found).toMatchObject({ matches: [{ path: 'a.txt' }], withheld: 3 });
    expect(await tool('glob', { pattern: '**/.env*' })).toMatchObject({ files: [], withheld: 2 });
    const listed = await tool('list_directory', { path: 'sub' });
    expect(listed).toMatchObject({ entries: [], withheld: 1 });
    const names = (await tool('list_directory', {})).entries as readonly { readonly name: string }[];
    expect(names.map(({ name }) => name)).toEqual(['sub', 'a.txt', 'hard.txt']);
  });

  it('applies to replacing a denied file that has another name', async () => {
    const { tool, workspace } = await start();
    linkSync(join(workspace, '.env'), join(workspace, 'hard.txt'));
    for (const path of ['.env', 'hard.txt'])
      expect(await failure(tool('write_file', { path, content: 'x' }))).toMatchObject({
        code: 'permission_denied',
      });
    expect(await failure(tool('read_file', { path: 'hard.txt' }))).toMatchObject({
      code: 'permission_denied',
    });
    expect(await tool('write_file', { path: 'sub/.env.local', content: 'x' })).toMatchObject({
      created: false,
    });
  });

  it('does not affect other files with several names', async () => {
    const { tool, workspace } = await start();
    linkSync(join(workspace, 'a.txt'), join(workspace, 'b.txt'));
    expect(await tool('read_file', { path: 'b.txt' })).toMatchObject({ content: 'TOP-SECRET-not' });
    expect(await tool('search', { pattern: 'not' })).toMatchObject({ matches: [{}, {}] });
  });

  it('applies to the offline agent', async () => {
    const { prompt } = await start();
    expect((await prompt('read .env')).response).not.toContain('TOP-SECRET');
    const { response } = await prompt('search TOP-SECRET');
    expect(response).toContain('a.txt');
    expect(response).not.toContain('KEY=');
    expect(response).toContain('withheld');
  });

  it('applies to the real and the spelled path of a folder behind a link', async () => {
    for (const deny of ['read_file(sub/**)', 'read_file(link/**)']) {
      const { tool, write, workspace } = await start([deny]);
      write('sub/x.txt', secret);
      symlinkSync('sub', join(workspace, 'link'));
      const found = await tool('search', { pattern: 'TOP', path: 'link' });
      expect(found).toMatchObject({ matches: [], withheld: 2 });
      expect(await tool('glob', { pattern: '*', path: 'link' })).toMatchObject({ files: [], withheld: 2 });
      expect(await tool('list_directory', { path: 'link' })).toMatchObject({ entries: [], withheld: 2 });
    }
  });

  it('applies to a whole folder', async () => {
    const { tool, write } = await start(['read_file(secrets/**)']);
    write('secrets/deep/key.pem', secret);
    expect(await failure(tool('read_file', { path: 'secrets/deep/key.pem' }))).toMatchObject({
      code: 'permission_denied',
    });
    expect(await tool('search', { pattern: 'KEY', path: 'secrets' })).toMatchObject({
      matches: [],
      withheld: 1,
    });
    expect(await tool('list_directory', { path: 'secrets' })).toMatchObject({ entries: [], withheld: 1 });
  });
});

describe('rules for writing', () => {
  it('a link out of an allowed folder asks, and the question shows its target', async () => {
    const { agent, workspace, write } = await startModelAgent(
      [calls('write_file', { path: 'src/hook', content: 'x' }), says('done')],
      { permissionMode: 'ask', permissions: { allow: ['write_file(src/**)'], deny: [] } },
    );
    write('docs/real', 'old');
    mkdirSync(join(workspace, 'src'));
    symlinkSync('../docs/real', join(workspace, 'src/hook'));
    const { asked, result, run } = await agent.runs.start({ prompt: 'go', options: {}, requestId: 'r' });
    result.catch(() => undefined);
    const permission = await Promise.race([asked, result]);
    expect(permission).toMatchObject({
      realPath: 'docs/real',
      rule: 'write_file(docs/real)',
      alwaysCovers: 'write_file: any content in docs/real, for the rest of this session',
    });
    await agent.runs.cancel(run.id);
  });

  it('a new file in a linked folder is judged by its real path', async () => {
    const { tool, agent, workspace } = await startAgent({
      permissions: { allow: [], deny: ['write_file(.git/**)'] },
      permissionMode: 'full',
    });
    mkdirSync(join(workspace, '.git/hooks'), { recursive: true });
    symlinkSync('.git', join(workspace, 'g'));
    const path = 'g/hooks/new/pre-commit';
    const use = await agent.tools.useOf(await agent.tools.prepare('write_file', { path, content: '' }));
    expect(use.target).toMatchObject({
      path: 'g/hooks/new/pre-commit',
      realPath: '.git/hooks/new/pre-commit',
    });
    expect(forbids(parseRule('write_file(.git/**)'), use)).toBe(true);
    await expect(tool('write_file', { path: 'g/hooks/pre-commit', content: 'x' })).rejects.toMatchObject({
      code: 'permission_denied',
    });
    expect(existsSync(join(workspace, '.git/hooks/pre-commit'))).toBe(false);
  });

  it('a link that is swapped after the permission is not followed', async () => {
    const { agent, workspace, write } = await startAgent({ permissionMode: 'full' });
    write('good.txt', 'good');
    write('bad.txt', 'bad');
    symlinkSync('good.txt', join(workspace, 'link'));
    const call = await agent.tools.prepare('write_file', { path: 'link', content: 'x' });
    const use = await agent.tools.useOf(call);
    rmSync(join(workspace, 'link'));
    symlinkSync('bad.txt', join(workspace, 'link'));
    const signal = new AbortController().signal;
    const outcome = await agent.tools.run(call, { signal, use });
    expect(outcome).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining('when it was allowed') },
    });
    expect(readFileSync(join(workspace, 'bad.txt'), 'utf8')).toBe('bad');
  });

  it('a pattern does not allow writing a file with several names', async () => {
    const { agent, workspace, write } = await startAgent({ permissionMode: 'full' });
    write('docs/real', 'x');
    mkdirSync(join(workspace, 'src'));
    linkSync(join(workspace, 'docs/real'), join(workspace, 'src/a'));
    const call = await agent.tools.prepare('write_file', { path: 'src/a', content: '' });
    const use = await agent.tools.useOf(call);
    expect(allows(parseRule('write_file(src/**)'), use)).toBe(false);
  });
});
