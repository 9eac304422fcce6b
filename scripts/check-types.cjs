// Checks the types of everything that Node runs, and of the dashboard, which has the types of browsers.
'use strict';

const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { ensureInstalled } = require('./install.cjs');

const root = path.resolve(__dirname, '..');
const compiler = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');

async function main() {
  // It has the packages of the dashboard.
  await ensureInstalled(path.join(__dirname, 'bundler'));
  const failed = ['tsconfig.json', 'web/tsconfig.json'].filter(
    (project) =>
      spawnSync(process.execPath, [compiler, '-p', project], { cwd: root, stdio: 'inherit' }).status !== 0,
  );
  process.exit(failed.length === 0 ? 0 : 1);
}

main();
