// The table of docs/agents.md: what was tried with each agent, and what each says of itself. Printed after the tests.

import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Agent } from '../../src/client/index.ts';
import type { RealAgent } from './real-agents.ts';

/** A folder for the outcomes of one run, set by scripts/test-agents.ts. */
const folder = process.env.AGENT_OUTCOMES;

/** Keeps what the server knows of an agent after its first prompt. */
export function noteFacts(agent: Agent): void {
  if (folder !== undefined) appendFileSync(join(folder, 'facts.jsonl'), `${JSON.stringify(agent)}\n`);
}

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[];
      readonly title: string;
      readonly status: string;
    }[];
  }[];
}

const words: Readonly<Record<string, string>> = { passed: 'yes', failed: 'no' };

/** Undefined if the tests did not run. `into`: the folder of AGENT_OUTCOMES, with vitest's report.json. */
export function outcomeTable(into: string, agents: readonly RealAgent[]): string | undefined {
  const report = join(into, 'report.json');
  if (!existsSync(report)) return undefined;
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report;
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  const factsFile = join(into, 'facts.jsonl');
  const facts = existsSync(factsFile)
    ? readFileSync(factsFile, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Agent)
    : [];
  const row = (title: string, cell: (agent: RealAgent) => string): string =>
    `| ${[title, ...agents.map(cell)].join(' | ')} |`;
  // The page itself names what an agent does not do.
  const titles = new Set(tests.map(({ title }) => title).filter((title) => !title.startsWith('does not')));
  const tried = [...titles].map((title) =>
    row(title, ({ name }) => {
      const found = tests.find((test) => test.title === title && test.ancestorTitles.join().includes(name));
      return words[found?.status ?? ''] ?? 'no';
    }),
  );
  const said = (['model', 'maxTokens', 'maxCost', 'images'] as const).map((option) =>
    row(`\`${option}\``, ({ name }) => {
      const can = facts.find((fact) => fact.name === name)?.capabilities[option];
      return can === undefined || can === null ? '-' : can ? 'yes' : 'no';
    }),
  );
  return [
    row('', ({ name }) => `\`${name}\``),
    row('---', () => '---'),
    row('version', ({ version }) => version),
    ...tried,
    ...said,
  ].join('\n');
}
