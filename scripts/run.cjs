// Runs a task of package.json in a fresh clone: installs what is missing, builds if the task needs it, then runs on the
// Node of devDependencies. `npm start` installs only what running needs: none of the devDependencies. A second run
// installs and builds nothing. Plain CommonJS for any Node that npm may run on.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const childProcess = require('node:child_process');
const platform = require('./platform.cjs');
const { ensureBuilt, ensureProgram } = require('./build.cjs');
const { ensureInstalled } = require('./install.cjs');
const { fail } = require('./steps.cjs');

const root = path.resolve(__dirname, '..');
const modules = path.join(root, 'node_modules');
const vitest = path.join(modules, 'vitest', 'vitest.mjs');
const script = (name) => path.join(root, 'scripts', name);

/**
 * Tests that need `dist` build it themselves: see vitest.config.ts. A quick task installs only if there are no
 * devDependencies at all.
 */
const tasks = {
  start: { runOnly: true, command: [path.join(root, 'bin', 'codebuddy.js'), 'serve'] },
  build: { build: true },
  // Without the name of a file, folder or project: all tests except those of several nodes (`npm run test:nodes`).
  test: { command: [vitest, 'run'], unnamed: ['--project=!nodes'] },
  agents: { command: [script('test-agents.ts')] },
  watch: { command: [vitest, 'watch'] },
  lint: {
    isQuick: true,
    command: [path.join(modules, '@biomejs', 'biome', 'bin', 'biome'), 'check', '--error-on-warnings', '.'],
  },
  types: { isQuick: true, command: [script('check-types.cjs')] },
  imports: {
    isQuick: true,
    command: [
      path.join(modules, 'dependency-cruiser', 'bin', 'dependency-cruise.mjs'),
      ...['src', 'bench', 'web', '--config', '.dependency-cruiser.cjs'],
    ],
  },
  redos: { isQuick: true, command: [script('check-regexes.ts')] },
  'client-types': { isQuick: true, command: [script('generate-client-types.ts')] },
  docs: { isQuick: true, command: [script('generate-docs.ts')] },
  openapi: { command: [script('check-openapi.ts')] },
  'client-runtimes': { command: [script('check-client-runtimes.ts')] },
  package: { build: true, command: [script('check-package.ts')] },
  bench: { build: true, command: [path.join(root, 'bench', 'index.ts')] },
};

/** Returns the Node of devDependencies, or this one if it is new enough; otherwise installs one. */
async function findNode() {
  const local = platform.localNode(process.platform, modules);
  if (fs.existsSync(local)) return fs.realpathSync(local);
  const version = process.versions.node.split('.').map(Number);
  if (version[0] > 22 || (version[0] === 22 && version[1] >= 19)) return process.execPath;
  const folder = path.join(__dirname, 'node');
  await ensureInstalled(folder);
  const own = platform.ownNode(process.platform, process.arch, path.join(folder, 'node_modules'));
  if (!fs.existsSync(own.program))
    return fail(
      `codebuddy needs Node.js 22.19 or newer. This is v${process.versions.node}, and npm ci installed none for this platform.`,
    );
  // A third of the package.
  own.unneeded.forEach((place) => {
    fs.rmSync(place, { recursive: true, force: true });
  });
  // Where `npx codebuddy` finds it, too.
  fs.mkdirSync(path.dirname(local), { recursive: true });
  fs.linkSync(own.program, local);
  return local;
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
  if (!(task.isQuick && fs.existsSync(vitest)))
    await ensureInstalled(root, task.runOnly ? ['--omit=dev'] : []);
  const node = await findNode();
  if (task.runOnly) await ensureProgram(node);
  if (task.build) await ensureBuilt(node);
  if (!task.command) return;
  const isNamed = rest.some((arg) => !arg.startsWith('-') || arg.startsWith('--project'));
  become(node, task.command.concat(isNamed ? [] : task.unnamed || [], rest));
}

main(process.argv[2], process.argv.slice(3));
