// The code blocks of README.md, docs/ and the examples.

import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

export interface Block {
  /** The path below the root of the repository. */
  readonly file: string;
  /** Of the opening fence. */
  readonly line: number;
  /** The word after the opening fence; empty if there is none. */
  readonly language: string;
  readonly text: string;
  /** The file and the first line of the text: a name that survives changes elsewhere in the file. */
  readonly name: string;
  /** The word of a comment `<!-- test: WORD -->` above the block. */
  readonly mark: string | undefined;
}

/** All blocks, by file and line. */
export function allBlocks(): readonly Block[] {
  const files = globSync(['*.md', 'docs/**/*.md', 'examples/**/*.md'], { cwd: root }).toSorted();
  return files.filter((file) => file !== 'CHANGELOG.md').flatMap(blocksOf);
}

function blocksOf(file: string): readonly Block[] {
  const blocks: Block[] = [];
  const lines = readFileSync(`${root}${file}`, 'utf8').split('\n');
  for (let line = 0; line < lines.length; line++) {
    const [, indent, fence, language] = /^(\s*)(`{3,}|~{3,})\s*(\S*)/.exec(lines[line] ?? '') ?? [];
    if (indent === undefined || fence === undefined) continue;
    const end = lines.findIndex((text, index) => index > line && text.trim() === fence);
    if (end < 0) throw new Error(`${file}:${line + 1}: the block has no end`);
    const content = lines.slice(line + 1, end).map((text) => text.slice(indent.length));
    blocks.push({
      file,
      line: line + 1,
      language: language ?? '',
      text: content.join('\n'),
      name: `${file}: ${(content[0] ?? '').trim()}`,
      mark: /<!-- test: (\w+) -->/.exec(lines[line - 1] ?? '')?.[1],
    });
    line = end;
  }
  return blocks;
}
