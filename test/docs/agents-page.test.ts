// docs/agents.md says what the presets and the tests of real agents say.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseAgents } from '../../src/agent/acp/parse-agents.ts';
import { presets } from '../../src/agent/acp/presets.ts';
import { isRecord } from '../../src/base/is-record.ts';
import { realAgents } from '../real-agents/real-agents.ts';
import { allBlocks } from './blocks.ts';

const page = readFileSync(new URL('../../docs/agents.md', import.meta.url), 'utf8');

/** The cells of the table below a heading, by line. */
function tableBelow(heading: string): readonly (readonly string[])[] {
  const [, below = ''] = page.split(`\n## ${heading}\n`);
  const [section = ''] = below.split('\n## ');
  return section
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

const bare = (text = ''): string => text.replaceAll('`', '');

describe('each configuration', () => {
  const configs = allBlocks()
    .filter(({ file, language }) => file === 'docs/agents.md' && language === 'json')
    .map(({ text, line }) => ({ line, config: JSON.parse(text) as unknown }))
    .filter(({ config }) => isRecord(config) && 'agents' in config);
  test.each(configs)('in line $line is accepted', ({ config }) => {
    const agents = isRecord(config) ? config.agents : undefined;
    expect(parseAgents(agents, {}).map(({ name }) => name)).toEqual(
      expect.arrayContaining(Object.keys(isRecord(agents) ? agents : {})),
    );
  });
});

test('every preset is there, with its package and the variables that it gets', () => {
  const [, , ...rows] = tableBelow('Install and sign in');
  expect(rows.map(([name]) => bare(name))).toEqual(Object.keys(presets));
  for (const [name, install = '', , variables = ''] of rows) {
    const preset = presets[bare(name)];
    const [, command] = /`(npm install [^`]*)`/.exec(install) ?? [];
    if (command !== undefined) expect(preset?.install).toContain(command);
    for (const [variable] of variables.matchAll(/\b[A-Z]+_[A-Z_]+\b/g))
      expect(preset?.passEnv).toContain(variable);
  }
});

test('the table of what was tried is of the versions that are tested', () => {
  const [head = [], , versions = []] = tableBelow('What works with which agent');
  const shown = head.slice(1).map((name, index) => [bare(name), versions[index + 1]]);
  expect(shown).toEqual(realAgents.map(({ name, version }) => [name, version]));
});

test('the modes are those of the presets', () => {
  const [head = [], , readOnly = [], others = []] = tableBelow('Permissions and modes');
  for (const [index, name] of head.entries()) {
    if (index === 0) continue;
    const modes = presets[bare(name)]?.modes;
    expect(bare(readOnly[index])).toBe(modes?.['read-only']);
    const [first] = bare(others[index]).split(',');
    for (const mode of ['ask', 'auto-edit', 'full'] as const) expect(modes?.[mode]).toBe(first);
  }
});
