// Builds `dist` if the sources have changed since the last build: the library with the compiler, the program with the
// bundler (bundle.cjs). Plain CommonJS for any Node that npm may run on.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const crypto = require('node:crypto');
const { readOr, runOrFail, showTime } = require('./steps.cjs');

const root = path.resolve(__dirname, '..');
const stamp = path.join(root, 'dist', '.built-from');

/** `node`: the Node that runs the compiler and the bundler. */
async function ensureBuilt(node) {
  const wanted = sourceHash(path.join(root, 'src'));
  if (readOr(stamp, '') === wanted) return;
  const compiler = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  await showTime('Building', () => {
    fs.rmSync(path.join(root, 'dist'), { recursive: true, force: true });
    const library = [compiler, '-p', 'tsconfig.build.json'];
    const program = [path.join(__dirname, 'bundle.cjs')];
    return Promise.all(
      [library, program].map((args) => runOrFail(node, args, { what: 'The build', folder: root })),
    );
  });
  fs.writeFileSync(stamp, wanted);
}

/** A hash of everything that the build reads. */
function sourceHash(folder) {
  const hash = crypto.createHash('sha256');
  (function walk(current) {
    fs.readdirSync(current, { withFileTypes: true })
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .forEach((entry) => {
        const full = path.join(current, entry.name);
        if (entry.isDirectory()) walk(full);
        else hash.update(`${path.relative(root, full)}\0`).update(fs.readFileSync(full));
      });
  })(folder);
  const files = [
    'tsconfig.json',
    'tsconfig.build.json',
    'package.json',
    'package-lock.json',
    'scripts/bundle.cjs',
  ];
  files.forEach((file) => {
    hash.update(fs.readFileSync(path.join(root, file)));
  });
  return hash.digest('hex');
}

module.exports = { ensureBuilt };
