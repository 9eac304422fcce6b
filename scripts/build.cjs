// Builds what has changed since the last build: the library with the compiler, the program and the dashboard with the
// bundler (bundle.cjs, bundle-web.cjs). Plain CommonJS for any Node that npm may run on.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const crypto = require('node:crypto');
const { ensureInstalled } = require('./install.cjs');
const { readOr, runOrFail, showTime } = require('./steps.cjs');

const root = path.resolve(__dirname, '..');
const dist = path.join(root, 'dist');
const bundler = path.join(__dirname, 'bundler');

/** `node`: the Node that runs the compiler and the bundler. */
async function ensureBuilt(node) {
  await ensureLibrary(node);
  await ensureProgram(node);
}

/** What `import 'codebuddy-api'` finds: all of `dist` but `dist/cli` and `dist/web`. */
async function ensureLibrary(node) {
  const compiler = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const inputs = { folders: ['src'], files: ['package.json', 'tsconfig.json', 'tsconfig.build.json'] };
  await ensure(path.join(dist, '.library-from'), inputs, () =>
    showTime('Building the library', () => {
      const names = fs.existsSync(dist) ? fs.readdirSync(dist) : [];
      names
        .filter((name) => name !== 'cli' && name !== 'web')
        .forEach((name) => {
          fs.rmSync(path.join(dist, name), { recursive: true, force: true });
        });
      return runOrFail(node, [compiler, '-p', 'tsconfig.build.json'], { what: 'The build', folder: root });
    }),
  );
}

/** What `codebuddy` runs and serves: `dist/cli` and `dist/web`. Needs none of the devDependencies. */
async function ensureProgram(node) {
  const output = path.join(dist, 'cli');
  const inputs = {
    folders: ['src', 'web'],
    files: [
      ...['package.json', 'package-lock.json', 'scripts/bundle.cjs', 'scripts/bundle-web.cjs'],
      'scripts/bundler/package-lock.json',
    ],
  };
  await ensure(path.join(output, '.program-from'), inputs, async () => {
    await ensureInstalled(bundler);
    await showTime('Building the program', async () => {
      fs.rmSync(output, { recursive: true, force: true });
      for (const script of ['bundle.cjs', 'bundle-web.cjs'])
        await runOrFail(node, [path.join(__dirname, script)], { what: 'The build', folder: root });
    });
  });
}

/** Calls `build` if `inputs` have changed since it wrote `stamp`. */
async function ensure(stamp, inputs, build) {
  const wanted = inputHash(inputs);
  if (readOr(stamp, '') === wanted) return;
  await build();
  fs.writeFileSync(stamp, wanted);
}

/** A hash of everything that a build reads. */
function inputHash({ folders, files }) {
  const hash = crypto.createHash('sha256');
  function walk(current) {
    fs.readdirSync(current, { withFileTypes: true })
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .forEach((entry) => {
        const full = path.join(current, entry.name);
        if (entry.isDirectory()) walk(full);
        else hash.update(`${path.relative(root, full)}\0`).update(fs.readFileSync(full));
      });
  }
  folders.forEach((folder) => {
    walk(path.join(root, folder));
  });
  files.forEach((file) => {
    hash.update(fs.readFileSync(path.join(root, file)));
  });
  return hash.digest('hex');
}

module.exports = { ensureBuilt, ensureLibrary, ensureProgram };
