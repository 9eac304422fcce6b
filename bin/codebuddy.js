#!/usr/bin/env node
// Starts the program. Old syntax only: a Node that is too old must still be able to say what to do.
/* global process */
import fs from 'fs';
import url from 'url';

var root = url.fileURLToPath(new URL('..', import.meta.url));
var isClone = fs.existsSync(root + 'src/cli/main.ts');

function stop(lines) {
  process.stderr.write(lines.join('\n') + '\n');
  process.exit(1);
}

var parts = process.versions.node.split('.');
if (Number(parts[0]) < 22 || (Number(parts[0]) === 22 && Number(parts[1]) < 19)) {
  stop([
    'codebuddy needs Node.js 22.19 or newer; this is v' + process.versions.node + '.',
    isClone
      ? 'In this clone, npm start and npx codebuddy bring their own Node, whichever one is installed.'
      : 'Install a newer Node.js from https://nodejs.org or with your version manager.',
  ]);
}
if (!fs.existsSync(root + 'dist/cli/main.js')) {
  stop([
    'codebuddy is not built yet in ' + root,
    'Run npm start first, which builds it and starts the server; npm run build only builds.',
  ]);
}

// node:sqlite is a release candidate in Node 24 and says so at every start; every other warning is shown.
var emitWarning = process.emitWarning;
process.emitWarning = function (warning) {
  if (String(warning).indexOf('SQLite is an experimental feature') === 0) return;
  emitWarning.apply(process, arguments);
};

// In the user's own folder: what lies in a shared one, others could have put there.
var home = process.env.CODEBUDDY_HOME || process.getBuiltinModule('os').homedir() + '/.codebuddy';
var cache = home + '/api/compile-cache';
try {
  // Node would make both readable by everybody.
  fs.mkdirSync(cache, { recursive: true, mode: 0o700 });
} catch {
  // The command that needs the folder says what is wrong with it.
}
process.getBuiltinModule('module').enableCompileCache(cache);
import('../dist/cli/main.js').catch(function (error) {
  var message = 'codebuddy could not start: ' + (error && error.message);
  var isMissing = error && error.code === 'ERR_MODULE_NOT_FOUND';
  stop(isMissing && isClone ? [message, 'Run npm start first, which installs what is missing.'] : [message]);
});
