#!/usr/bin/env node
// The program's door. Old syntax only: on a Node that is too old it must still be able to say so in one line.
/* global process */
var parts = process.versions.node.split('.');
if (Number(parts[0]) < 22 || (Number(parts[0]) === 22 && Number(parts[1]) < 19)) {
  process.stderr.write('codebuddy needs Node.js 22.19 or newer; this is v' + process.versions.node + '.\n');
  process.exit(1);
}

// node:sqlite is a release candidate in Node 24 and says so at every start; every other warning is shown.
var emitWarning = process.emitWarning;
process.emitWarning = function (warning) {
  if (String(warning).indexOf('SQLite is an experimental feature') === 0) return;
  emitWarning.apply(process, arguments);
};

// In the user's own folder: what lies in a shared one, others could have put there.
var fs = process.getBuiltinModule('fs');
var home = process.env.CODEBUDDY_HOME || process.getBuiltinModule('os').homedir() + '/.codebuddy';
var cache = home + '/api/compile-cache';
try {
  // Node would make both readable by everybody.
  fs.mkdirSync(cache, { recursive: true, mode: 0o700 });
} catch {
  // The command that needs the folder says what is wrong with it.
}
process.getBuiltinModule('module').enableCompileCache(cache);
import('../dist/cli/main.js').catch((error) => {
  process.stderr.write('codebuddy could not start: ' + (error && error.message) + '\n');
  process.exit(1);
});
