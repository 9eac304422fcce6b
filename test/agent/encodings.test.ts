// Bytes and line endings: an edit keeps all other bytes, and read_file reports the encoding of a file.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startAgent } from './start-agent.ts';

const utf16be = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16();
const allBytes = Buffer.from(Array.from({ length: 255 }, (_, index) => index + 1));

async function editBytes(
  before: Buffer,
  params: Record<string, unknown>,
): Promise<{ readonly after: Buffer; readonly error?: string; readonly result?: Record<string, unknown> }> {
  const { tool, write, workspace } = await startAgent();
  write('f', before);
  const outcome = await tool('edit_file', { path: 'f', ...params }).then(
    (result) => ({ result }),
    ({ message }: Error) => ({ error: message }),
  );
  return { after: readFileSync(join(workspace, 'f')), ...outcome };
}

describe('an edit keeps all other bytes', () => {
  test.each([
    ['Latin-1', Buffer.from('caf\xe9 = 1; na\xefve\n', 'latin1')],
    ['every byte but NUL', Buffer.concat([Buffer.from('= 1;'), allBytes])],
    [
      'UTF-8 with broken bytes in it',
      Buffer.concat([Buffer.from('grüße 1;'), Buffer.from([0xe9, 0xff, 0xc3])]),
    ],
    ['Shift-JIS', Buffer.from([0x93, 0xfa, 0x96, 0x7b, 0x20, 0x31, 0x3b, 0x0a])],
    ['UTF-8 with a byte order mark', Buffer.from('\ufeffgrüße 1;')],
  ])('of %s', async (_, before) => {
    const { after } = await editBytes(before, { oldText: '1;', newText: 'two;' });
    const at = before.indexOf('1;');
    expect(after).toEqual(
      Buffer.concat([before.subarray(0, at), Buffer.from('two;'), before.subarray(at + 2)]),
    );
  });

  test('and writes characters beyond ASCII in the encoding of the file', async () => {
    const latin1 = await editBytes(Buffer.from('caf\xe9\n', 'latin1'), { oldText: 'é', newText: 'è!' });
    expect(latin1.after).toEqual(Buffer.from('caf\xe8!\n', 'latin1'));
    const mixed = Buffer.concat([Buffer.from('grüße '), Buffer.from([0xe9])]);
    const unknown = await editBytes(mixed, { oldText: 'ü', newText: 'ue' });
    expect(unknown.after).toEqual(Buffer.concat([Buffer.from('grueße '), Buffer.from([0xe9])]));
  });

  test.each(['utf16le', 'utf16be'] as const)('of %s', async (kind) => {
    const encode = (text: string): Buffer =>
      kind === 'utf16le' ? Buffer.from(text, 'utf16le') : utf16be(text);
    // A code unit whose bytes look like those of the text, shifted by one, and a lone byte at the end.
    const before = Buffer.concat([encode('\ufeffa\u6100\r\ngrüße 😀\r\n'), Buffer.from([0x41])]);
    const { after, result } = await editBytes(before, { oldText: 'a\u6100\ngrüße', newText: 'one\ntwo' });
    expect(result).toMatchObject({ replacements: 1 });
    expect(after).toEqual(Buffer.concat([encode('\ufeffone\r\ntwo 😀\r\n'), Buffer.from([0x41])]));
  });

  test('or is refused without a change', async () => {
    for (const [before, params, words] of [
      [Buffer.from('caf\xe9 1', 'latin1'), { oldText: '1', newText: '€😀' }, /lacks/],
      [Buffer.from('caf\xe9 1', 'latin1'), { oldText: 'caf\ufffd', newText: 'x' }, /does not occur.*latin1/],
      [Buffer.from('a\0b'), { oldText: 'a', newText: 'x' }, /binary/],
      [Buffer.from('ab'), { oldText: 'a', newText: '\ud800' }, /surrogate/],
      [Buffer.from('\ufffd'), { oldText: '\udc00', newText: 'x' }, /surrogate/],
    ] as const) {
      const { after, error } = await editBytes(before, params);
      expect(error).toMatch(words);
      expect(after).toEqual(before);
    }
    const { tool } = await startAgent();
    await expect(tool('write_file', { path: 'f', content: 'x\ud83d' })).rejects.toMatchObject({
      code: 'validation_failed',
      errors: [{ pointer: '/content' }],
    });
  });
});

describe('line endings', () => {
  test.each([
    ['a\r\nb\r\nc\r\n', 'a\nb\n', 'x\ny\nz\n', 'x\r\ny\r\nz\r\nc\r\n'],
    ['a\r\nb\r\nc\r\n', '\nb', '\nB', 'a\r\nB\r\nc\r\n'],
    ['a\r\nb\r\n', 'b', 'x\ny', 'a\r\nx\r\ny\r\n'],
    ['a\r\nb', 'a', 'x\ny', 'x\r\ny\r\nb'],
    ['a\nb\n', 'a\nb', 'x\ny', 'x\ny\n'],
    ['a\nb\n', 'a\r\nb', 'x\r\ny', 'x\ny\n'],
    ['a\r\nb\r\nc\nd\n', 'c\nd', 'x\ny\nz', 'a\r\nb\r\nx\ny\nz\n'],
    ['a\r\nb\r\nc\nd\n', 'a\nb', 'x\ny\nz', 'x\r\ny\r\nz\r\nc\nd\n'],
    ['a\r\nb\nc', 'a\nb\nc', 'x\ny\nz', 'x\r\ny\nz'],
    ['a\r\nb\r\n', '\r\n', '\n', 'a\nb\n'],
    ['a\nb\n', '\n', '\r\n', 'a\r\nb\r\n'],
    ['\ufeffa\r\nb\r\n', 'a\nb\n', 'x\n', '\ufeffx\r\n'],
    ['a.\r\n(b)$\r\n', 'a.\n(b)$\n', '$& $1\n', '$& $1\r\n'],
  ])('of %j: %j becomes %j', async (before, oldText, newText, wanted) => {
    const { after, error } = await editBytes(Buffer.from(before), { oldText, newText, replaceAll: true });
    expect(error).toBeUndefined();
    expect(after.toString()).toBe(wanted);
  });

  test('of both kinds count as two occurrences', async () => {
    const before = Buffer.from('a\r\nb\r\na\nb\n');
    const { after, error } = await editBytes(before, { oldText: 'a\nb', newText: 'x' });
    expect(error).toMatch(/2 times/);
    expect(after).toEqual(before);
  });

  test('and a byte order mark are written by write_file as given', async () => {
    const { tool, write, workspace } = await startAgent();
    write('f', '\ufeffa\r\n');
    await tool('write_file', { path: 'f', content: 'b\n' });
    expect(readFileSync(join(workspace, 'f'), 'utf8')).toBe('b\n');
  });
});

describe('read_file reports the encoding', () => {
  test.each([
    ['plain', Buffer.from('a\n'), { encoding: 'utf-8', content: 'a\n' }],
    ['UTF-8', Buffer.from('grüße'), { encoding: 'utf-8', content: 'grüße' }],
    ['a byte order mark', Buffer.from('\ufeffa'), { encoding: 'utf-8', bom: true, content: 'a' }],
    [
      'UTF-16',
      Buffer.from('\ufeffgrüße\n', 'utf16le'),
      { encoding: 'utf-16le', bom: true, content: 'grüße\n' },
    ],
    ['UTF-16, swapped', utf16be('\ufeffgrüße'), { encoding: 'utf-16be', bom: true, content: 'grüße' }],
    ['Latin-1', Buffer.from('caf\xe9 \x80', 'latin1'), { encoding: 'latin1', content: 'café €' }],
    ['a mix', Buffer.from('gr\xc3\xbc\xe9', 'latin1'), { encoding: 'unknown', content: 'grü\ufffd' }],
  ])('%s', async (_, bytes, wanted) => {
    const { tool, write } = await startAgent();
    write('f', bytes);
    const whole = await tool('read_file', { path: 'f' });
    expect(whole).toMatchObject({ ...wanted, bytes: bytes.length });
    if (!('bom' in wanted)) expect(whole).not.toHaveProperty('bom');
    expect(await tool('read_file', { path: 'f', offset: 1 })).toMatchObject(wanted);
  });

  test('of long files, and splits UTF-16 into lines', async () => {
    const { tool, write } = await startAgent();
    write('long', Buffer.from(`${'x'.repeat(99)}\n`.repeat(5000).concat('caf\xe9\n'), 'latin1'));
    expect(await tool('read_file', { path: 'long' })).toMatchObject({ encoding: 'latin1', truncated: true });
    expect(await tool('read_file', { path: 'long', offset: 5001 })).toMatchObject({ content: 'café\n' });
    write('wide', Buffer.from('\ufeffone\nੴ two\nthree', 'utf16le'));
    expect(await tool('read_file', { path: 'wide', offset: 2, limit: 1 })).toMatchObject({
      content: 'ੴ two\n',
    });
    expect((await tool('search', { pattern: '^one' })).matches).toMatchObject([{ path: 'wide', line: 1 }]);
  });

  test('binary', async () => {
    const { tool, write } = await startAgent();
    write('f', Buffer.from([1, 0, 2]));
    await expect(tool('read_file', { path: 'f' })).rejects.toThrow(/binary file of 3 bytes/);
  });
});
