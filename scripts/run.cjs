// What `npm start` and `npm test` do in a fresh clone: install what is missing, build what is out of date, then run on the
// Node of devDependencies. Plain CommonJS for any Node that npm may bring along; it installs nothing on a second run.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const crypto = require('node:crypto');
const childProcess = require('node:child_process');

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

/** Runs to the end with the terminal as ours; ends this process if it fails. */
function runOrFail(command, args, what) {
  const result = childProcess.spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (result.error) fail(`${what} could not be started: ${result.error.message}`);
  if (result.status !== 0) fail(`${what} failed (exit ${result.status}); see above.`);
}

function ensureInstalled() {
  const wanted = sha256([fs.readFileSync(path.join(root, 'package-lock.json'))]);
  if (readOr(installStamp, '') === wanted) return;
  process.stderr.write('Installing dependencies (only when they have changed)…\n');
  // npm says itself where its program is, so this works however npm was installed.
  const npm = process.env.npm_execpath;
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  if (npm && /\.c?js$/.test(npm)) runOrFail(process.execPath, [npm].concat(args), 'npm ci');
  else runOrFail(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, 'npm ci');
  fs.writeFileSync(installStamp, wanted);
}

/** The Node to run on: the one of devDependencies, else this one if it is new enough. */
function findNode() {
  const local = path.join(modules, '.bin', process.platform === 'win32' ? 'node.cmd' : 'node');
  if (fs.existsSync(local)) return fs.realpathSync(local);
  const version = process.versions.node.split('.').map(Number);
  if (version[0] > 22 || (version[0] === 22 && version[1] >= 19)) return process.execPath;
  return fail(`codebuddy needs Node.js 22.19 or newer; this is v${process.versions.node}.`);
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

function ensureBuilt(node) {
  const wanted = sourceHash(path.join(root, 'src'));
  if (readOr(buildStamp, '') === wanted) return;
  process.stderr.write('Building…\n');
  fs.rmSync(path.join(root, 'dist'), { recursive: true, force: true });
  runOrFail(node, [path.join(modules, 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json'], 'The build');
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

const task = process.argv[2];
const rest = process.argv.slice(3);
ensureInstalled();
const node = findNode();
if (task === 'start') {
  ensureBuilt(node);
  become(node, [path.join(root, 'bin', 'codebuddy.js'), 'serve'].concat(rest));
} else if (task === 'build') {
  ensureBuilt(node);
} else if (task === 'test') {
  ensureBuilt(node);
  become(node, [path.join(modules, 'vitest', 'vitest.mjs'), 'run'].concat(rest));
} else if (task === 'openapi') {
  become(node, [path.join(root, 'scripts', 'check-openapi.ts')].concat(rest));
} else if (task === 'bench') {
  ensureBuilt(node);
  become(node, [path.join(root, 'bench', 'index.ts')].concat(rest));
} else {
  fail('usage: node scripts/run.cjs start|build|test|openapi|bench [ARGUMENTS]');
}
