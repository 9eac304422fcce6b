// What `npm start` and `npm test` do in a fresh clone: install what is missing, build what is out of date, then run on the
// Node of devDependencies. Plain CommonJS for any Node that npm may bring along; it installs nothing on a second run.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const crypto = require('node:crypto');
const childProcess = require('node:child_process');
const platform = require('./platform.cjs');

const root = path.resolve(__dirname, '..');
const modules = path.join(root, 'node_modules');
const installStamp = path.join(modules, '.installed-lock-hash');
const buildStamp = path.join(root, 'dist', '.built-from');

function sha256(parts) {
  const hash = crypto.createHash('sha256');
  parts.forEach((part) => {
    hash.update(part);
  });
  return hash.digest('hex');
}

function readOr(file, fallback) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return fallback;
    throw error;
  }
}

function fail(line) {
  process.stderr.write(`${line}\n`);
  process.exit(1);
}

/** Runs to the end, its output to standard error; ends this process if it fails. */
function runOrFail(command, args, what) {
  return new Promise((resolve) => {
    const child = childProcess.spawn(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
    child.on('error', (error) => {
      fail(`${what} could not be started: ${error.message}`);
    });
    child.on('exit', (code, signal) => {
      if (code !== 0) fail(`${what} failed (${signal || `exit ${code}`}); see above.`);
      resolve();
    });
  });
}

/** Says that it is still working: a download may take minutes. */
async function showTime(what, work) {
  const startedAt = Date.now();
  const seconds = () => Math.round((Date.now() - startedAt) / 1000);
  process.stderr.write(`${what}…\n`);
  const timer = setInterval(() => process.stderr.write(`  still at it after ${seconds()} s\n`), 10000);
  await work();
  clearInterval(timer);
  process.stderr.write(`  done in ${seconds()} s\n`);
}

async function ensureInstalled() {
  const wanted = sha256([fs.readFileSync(path.join(root, 'package-lock.json'))]);
  if (readOr(installStamp, '') === wanted) return;
  const { command, args } = platform.npmCommand(process.platform, {
    execPath: process.execPath,
    npmExecPath: process.env.npm_execpath,
    exists: fs.existsSync,
  });
  // No warnings of packages that want a newer Node: they run on the one that is being installed.
  const options = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  await showTime('Installing dependencies (npm ci; only when they have changed)', () =>
    runOrFail(command, args.concat(options), 'npm ci'),
  );
  fs.writeFileSync(installStamp, wanted);
}

/** The Node to run on: the one of devDependencies, else this one if it is new enough. */
function findNode() {
  const local = platform.localNode(process.platform, modules);
  if (fs.existsSync(local)) return fs.realpathSync(local);
  const version = process.versions.node.split('.').map(Number);
  if (version[0] > 22 || (version[0] === 22 && version[1] >= 19)) return process.execPath;
  return fail(
    `codebuddy needs Node.js 22.19 or newer; this is v${process.versions.node}, and npm ci brought none for this platform.`,
  );
}

function sourceHash(folder) {
  const parts = [];
  (function walk(current) {
    fs.readdirSync(current, { withFileTypes: true })
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .forEach((entry) => {
        const full = path.join(current, entry.name);
        if (entry.isDirectory()) walk(full);
        else parts.push(`${path.relative(root, full)}\0`, fs.readFileSync(full));
      });
  })(folder);
  ['tsconfig.json', 'tsconfig.build.json', 'package.json'].forEach((file) => {
    parts.push(fs.readFileSync(path.join(root, file)));
  });
  return sha256(parts);
}

async function ensureBuilt(node) {
  const wanted = sourceHash(path.join(root, 'src'));
  if (readOr(buildStamp, '') === wanted) return;
  const compiler = path.join(modules, 'typescript', 'bin', 'tsc');
  await showTime('Building', () => {
    fs.rmSync(path.join(root, 'dist'), { recursive: true, force: true });
    return runOrFail(node, [compiler, '-p', 'tsconfig.build.json'], 'The build');
  });
  fs.writeFileSync(buildStamp, wanted);
}

/** Hands the terminal over; our exit is the program's exit. */
function become(command, args) {
  const child = childProcess.spawn(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: Object.assign({}, process.env, {
      PATH: path.join(modules, '.bin') + path.delimiter + process.env.PATH,
    }),
  });
  ['SIGINT', 'SIGTERM', 'SIGHUP'].forEach((signal) => {
    // On Ctrl-C the terminal has told the child as well; we only must not end before it.
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

async function main(task, rest) {
  if (!['start', 'build', 'test', 'openapi', 'bench'].includes(task))
    fail('usage: node scripts/run.cjs start|build|test|openapi|bench [ARGUMENTS]');
  await ensureInstalled();
  const node = findNode();
  await ensureBuilt(node);
  if (task === 'start') become(node, [path.join(root, 'bin', 'codebuddy.js'), 'serve'].concat(rest));
  else if (task === 'test') become(node, [path.join(modules, 'vitest', 'vitest.mjs'), 'run'].concat(rest));
  else if (task === 'openapi') become(node, [path.join(root, 'scripts', 'check-openapi.ts')].concat(rest));
  else if (task === 'bench') become(node, [path.join(root, 'bench', 'index.ts')].concat(rest));
}

main(process.argv[2], process.argv.slice(3));
