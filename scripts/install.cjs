// Runs `npm ci` in a folder if its package-lock.json has changed since the last time. Plain CommonJS for any Node that npm may run on.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const crypto = require('node:crypto');
const platform = require('./platform.cjs');
const { readOr, runOrFail, showTime } = require('./steps.cjs');

/** `options`: further options of `npm ci`. */
async function ensureInstalled(folder, options = []) {
  const stamp = path.join(folder, 'node_modules', '.installed-lock-hash');
  const lock = fs.readFileSync(path.join(folder, 'package-lock.json'));
  const wanted = crypto.createHash('sha256').update(lock).digest('hex');
  if (readOr(stamp, '') === wanted) return;
  const { command, args } = platform.npmCommand(process.platform, {
    execPath: process.execPath,
    npmExecPath: process.env.npm_execpath,
    exists: fs.existsSync,
  });
  // Only errors: npm warns about packages that need a newer Node, which this very command installs.
  const all = args.concat(['ci', '--no-audit', '--no-fund', '--loglevel=error'], options);
  const name = path.relative(process.cwd(), folder) || 'this folder';
  await showTime(`Installing the dependencies of ${name} (npm ci)`, () =>
    runOrFail(command, all, { what: 'npm ci', folder }),
  );
  fs.writeFileSync(stamp, wanted);
}

module.exports = { ensureInstalled };
