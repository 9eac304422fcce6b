// Runs `npm ci` in a folder if its package-lock.json has changed since the last time. Plain CommonJS for any Node that
// npm may run on.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const crypto = require('node:crypto');
const platform = require('./platform.cjs');
const { readOr, runOrFail, showTime } = require('./steps.cjs');

/** `options`: further options of `npm ci`. With `--omit=dev`, a complete installation will do, too. */
async function ensureInstalled(folder, options = []) {
  const isPart = options.includes('--omit=dev');
  const modules = path.join(folder, 'node_modules');
  const stamp = path.join(modules, '.installed-lock-hash');
  const lock = fs.readFileSync(path.join(folder, 'package-lock.json'));
  const complete = crypto.createHash('sha256').update(lock).digest('hex');
  const wanted = isPart ? `${complete} without devDependencies` : complete;
  const found = readOr(stamp, '');
  if (found === wanted || found === complete) return;
  const { command, args } = platform.npmCommand(process.platform, {
    execPath: process.execPath,
    npmExecPath: process.env.npm_execpath,
    exists: fs.existsSync,
  });
  // Only errors: npm warns about packages that need a newer Node, which this very command installs.
  const all = args.concat(['ci', '--no-audit', '--no-fund', '--loglevel=error'], options);
  const name = path.relative(process.cwd(), folder) || 'this folder';
  const total = packagesIn(JSON.parse(lock), isPart);
  await showTime(
    `Installing the dependencies of ${name} (npm ci)`,
    () => runOrFail(command, all, { what: 'npm ci', folder }),
    () => `${Math.min(countPackages(modules), total)} of ${total} packages`,
  );
  fs.writeFileSync(stamp, wanted);
}

/** The number of packages that the lock file puts directly into node_modules on this platform. */
function packagesIn(lock, isPart) {
  const fits = (allowed, value) => allowed === undefined || allowed.includes(value);
  return Object.entries(lock.packages).filter(
    ([place, { dev, os, cpu }]) =>
      /^node_modules\/(@[^/]+\/)?[^/]+$/.test(place) &&
      !(isPart && dev) &&
      fits(os, process.platform) &&
      fits(cpu, process.arch),
  ).length;
}

/** Packages that are unpacked, or being unpacked. npm creates all folders first. */
function countPackages(modules) {
  const list = (folder) => {
    try {
      return fs.readdirSync(folder).filter((name) => !name.startsWith('.'));
    } catch {
      // Not there yet.
      return [];
    }
  };
  return list(modules)
    .flatMap((name) =>
      name.startsWith('@') ? list(path.join(modules, name)).map((own) => `${name}/${own}`) : [name],
    )
    .filter((name) => fs.existsSync(path.join(modules, name, 'package.json'))).length;
}

module.exports = { ensureInstalled };
