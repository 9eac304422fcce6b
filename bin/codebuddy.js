#!/usr/bin/env node
// Starts the program. Uses old syntax only, so that a Node that is too old can still print what to do.
/* global process */

// An `import` of a module of Node loads all that its exports need, for fs also streams and promises.
if (process.getBuiltinModule) start(process.getBuiltinModule('fs'));
else
  import('fs').then(function (fs) {
    start(fs.default);
  });

function stop(lines) {
  process.stderr.write(lines.join('\n') + '\n');
  process.exit(1);
}

function start(fs) {
  var isClone = fs.existsSync(new URL('../src/cli/main.ts', import.meta.url));

  var parts = process.versions.node.split('.');
  if (Number(parts[0]) < 22 || (Number(parts[0]) === 22 && Number(parts[1]) < 19)) {
    stop([
      'codebuddy needs Node.js 22.19 or newer; this is v' + process.versions.node + '.',
      isClone
        ? 'In this clone, npm start and npx codebuddy use their own Node, whichever one is installed.'
        : 'Install a newer Node.js from https://nodejs.org or with your version manager.',
    ]);
  }
  if (!fs.existsSync(new URL('../dist/cli/main.js', import.meta.url))) {
    var root = process.getBuiltinModule('url').fileURLToPath(new URL('..', import.meta.url));
    stop([
      'codebuddy is not built in ' + root + '.',
      'Run npm start, which builds it and starts the server, or npm run build, which only builds it.',
    ]);
  }
  // Needs nothing of the program.
  if (process.argv.length === 3 && (process.argv[2] === '--version' || process.argv[2] === '-V')) {
    var manifest = fs.readFileSync(new URL('../package.json', import.meta.url), 'utf8');
    process.stdout.write(JSON.parse(manifest).version + '\n');
    return;
  }

  // node:sqlite is a release candidate in Node 24, and the loader of packages in a script (src/cli/load-serve.ts) is
  // experimental. Both warn at every start. Other warnings are shown.
  var emitWarning = process.emitWarning;
  process.emitWarning = function (warning) {
    var isKnown = ['SQLite', 'vm.USE_MAIN_CONTEXT_DEFAULT_LOADER'].some(function (name) {
      return String(warning).indexOf(name + ' is an experimental feature') === 0;
    });
    if (!isKnown) emitWarning.apply(process, arguments);
  };

  // In the user's own folder: other users could plant code in a shared one.
  var home = process.env.CODEBUDDY_HOME || process.getBuiltinModule('os').homedir() + '/.codebuddy';
  var cache = home + '/api/compile-cache';
  try {
    // Node would create both readable by everyone.
    fs.mkdirSync(cache, { recursive: true, mode: 0o700 });
  } catch {
    // The command that needs the folder reports the error.
  }
  process.getBuiltinModule('module').enableCompileCache(cache);
  var args = process.argv.slice(2);
  var isServe = args[0] === 'serve' || (args[0] === 'help' && args[1] === 'serve');
  import(isServe ? '../dist/cli/serve.js' : '../dist/cli/main.js').catch(function (error) {
    var message = 'codebuddy could not start: ' + (error && error.message);
    var isMissing = error && error.code === 'ERR_MODULE_NOT_FOUND';
    stop(isMissing && isClone ? [message, 'Run npm start, which installs missing packages.'] : [message]);
  });
}
