// `npm run test:agents`: installs real agents from the npm registry, runs the tests of test/real-agents with them, and
// prints the table of docs/agents.md.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installAgent, selectedAgents } from '../test/real-agents/install-agents.ts';
import { outcomeTable } from '../test/real-agents/outcome-table.ts';

const agents = selectedAgents();
agents.forEach(installAgent);
const root = join(import.meta.dirname, '..');
const outcomes = mkdtempSync(join(tmpdir(), 'codebuddy-outcomes-'));
const args = [
  join(root, 'node_modules', 'vitest', 'vitest.mjs'),
  'run',
  ...['--config', 'test/real-agents/vitest.config.ts'],
  ...['--reporter=default', '--reporter=json', `--outputFile.json=${join(outcomes, 'report.json')}`],
  ...process.argv.slice(2),
];
const { status, error } = spawnSync(process.execPath, args, {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, AGENT_OUTCOMES: outcomes },
});
if (error !== undefined) throw error;
const table = outcomeTable(outcomes, agents);
if (table !== undefined) console.log(`\n${table}`);
rmSync(outcomes, { recursive: true, force: true });
process.exitCode = status ?? 1;
