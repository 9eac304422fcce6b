// Runs a task of package.json in a fresh clone: installs what is missing, builds if the task needs it, then runs on the Node of devDependencies.
// Plain CommonJS for any Node that npm may run on. A second run installs and builds nothing.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const childProcess = require('node:child_process');
const platform = require('./platform.cjs');
const { ensureBuilt } = require('./build.cjs');
const { ensureInstalled } = require('./install.cjs');
const { fail } = require('./steps.cjs');

const root = path.resolve(__dirname, '..');
const modules = path.join(root, 'node_modules');
const vitest = path.join(modules, 'vitest', 'vitest.mjs');

/** Tests that need `dist` build it themselves: see vitest.config.ts. */
const tasks = {
  start: { build: true, command: [path.join(root, 'bin', 'codebuddy.js'), 'serve'] },
  build: { build: true },
  test: { command: [vitest, 'run'] },
  watch: { command: [vitest, 'watch'] },
  openapi: { command: [path.join(root, 'scripts', 'check-openapi.ts')] },
  package: { build: true, command: [path.join(root, 'scripts', 'check-package.ts')] },
  bench: { build: true, command: [path.join(root, 'bench', 'index.ts')] },
};

/** Returns the Node of devDependencies, or this one if it is new enough. */
function findNode() {
  const local = platform.localNode(process.platform, modules);
  if (fs.existsSync(local)) return fs.realpathSync(local);
  const version = process.versions.node.split('.').map(Number);
  if (version[0] > 22 || (version[0] === 22 && version[1] >= 19)) return process.execPath;
  return fail(
    `codebuddy needs Node.js 22.19 or newer. This is v${process.versions.node}, and npm ci installed none for this platform.`,
  );
}

/** Hands the terminal over to the program and exits with its code. */
function become(command, args) {
  const child = childProcess.spawn(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: Object.assign({}, process.env, {
      PATH: path.join(modules, '.bin') + path.delimiter + process.env.PATH,
    }),
  });
  ['SIGINT', 'SIGTERM', 'SIGHUP'].forEach((signal) => {
    // The terminal sends Ctrl-C to the child as well. This process only must not end before it.
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  });
  child.on('error', (error) => {
    fail(`${command} could not be started: ${error.message}`);
  });
  child.on('exit', (code, signal) => {
    process.exit(signal ? 1 : code);
  });
}

async function main(name, rest) {
  const task = Object.hasOwn(tasks, name) ? tasks[name] : undefined;
  if (task === undefined) fail(`Usage: node scripts/run.cjs ${Object.keys(tasks).join('|')} [ARGUMENTS]`);
  await ensureInstalled(root);
  const node = findNode();
  if (task.build) await ensureBuilt(node);
  if (task.command) become(node, task.command.concat(rest));
}

main(process.argv[2], process.argv.slice(3));
