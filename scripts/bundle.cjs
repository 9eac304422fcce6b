// Bundles the program into dist/cli, instead of the 600 modules that a start read before: `codebuddy serve` and the
// writer thread are one file each, the other commands share files. Packages that few runs need stay outside and are
// loaded from node_modules. Run by build.cjs.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { build } = require(require.resolve('esbuild', { paths: [path.join(__dirname, 'bundler')] }));

const root = path.resolve(__dirname, '..');
const output = path.join(root, 'dist', 'cli');
const packageJson = path.join(root, 'package.json');

/** Loaded at their first use, after the start. */
const outside = [
  ...[
    '@agentclientprotocol/*',
    '@ai-sdk/*',
    '@modelcontextprotocol/*',
    '@opentelemetry/*',
    '@pydantic/*',
    '@fastify/swagger',
  ],
  ...['diff', 'image-size', 'open', 'pg', 'pino-pretty', 'unpdf'],
  ...['re2js', 'undici', 'undici/*', 'zod', 'zod/*', 'ajv', 'ajv/*', 'ajv-formats'],
  // Fastify requires these only for features that the program does not use.
  ...['@fastify/ajv-compiler', '@fastify/fast-json-stringify-compiler', 'light-my-request'],
];

/** Replaced: Fastify loads all of them at the start, and needs this. */
const lean = {
  'node:http2': `const load = () => process.getBuiltinModule('node:http2');
    exports.createServer = (...values) => load().createServer(...values);
    exports.createSecureServer = (...values) => load().createSecureServer(...values);`,
  semver: `exports.satisfies = require('semver/functions/satisfies');
    exports.coerce = require('semver/functions/coerce');
    exports.gt = require('semver/functions/gt');`,
};

/**
 * The commands that talk to the server share most of their modules. One file for all of them loads faster than a file
 * for each and one for each set of modules that some of them share.
 */
const clientCommands = [
  ...['prompt', 'acp', 'chat', 'tools', 'runs', 'permissions', 'sessions', 'events', 'webhooks'],
  ...['deliveries', 'triggers', 'agents', 'models', 'status', 'keys', 'nodes', 'open', 'stop', 'logs'],
  ...['config', 'init', 'openapi', 'doctor', 'stats', 'completion', 'serve-flags', 'mcp'],
  ...['changes', 'undo', 'redo'],
];

/** A name that a module can export: `serve_flags`. */
const exportNameOf = (name) => name.replaceAll('-', '_');

const plugin = {
  name: 'codebuddy',
  setup({ onLoad, onResolve }) {
    // Lets the bundler follow `createRequire`, and keeps Node from evaluating every export of its own modules.
    onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, async ({ path: file }) => {
      const text = withoutCreateRequire(withBuiltins(await fs.promises.readFile(file, 'utf8')));
      const contents = file.endsWith(path.join('cli', 'commands.ts')) ? withClientCommands(text) : text;
      return { contents, loader: 'ts' };
    });
    // Only the version is used.
    onLoad({ filter: /[\\/]package\.json$/ }, ({ path: file }) =>
      file === packageJson
        ? { contents: JSON.stringify({ version: require(packageJson).version }), loader: 'json' }
        : undefined,
    );
    onResolve({ filter: /^(node:http2|semver)$/ }, ({ path: name }) => ({ path: name, namespace: 'lean' }));
    onLoad({ filter: /.*/, namespace: 'lean' }, ({ path: name }) => ({
      contents: lean[name],
      resolveDir: path.join(root, 'node_modules', 'fastify'),
    }));
    onResolve({ filter: /^client-commands$/ }, () => ({ path: 'client-commands', namespace: 'commands' }));
    onLoad({ filter: /.*/, namespace: 'commands' }, () => ({
      contents: clientCommands
        .map((name) => `export * as ${exportNameOf(name)} from './${name}.ts';`)
        .join('\n'),
      resolveDir: path.join(root, 'src', 'cli'),
    }));
  },
};

function withClientCommands(text) {
  return clientCommands
    .reduce(
      (changed, name) =>
        changed.replace(
          `import('./${name}.ts')`,
          `import('client-commands').then((all) => all.${exportNameOf(name)})`,
        ),
      text,
    )
    .replace(`import('./serve.ts')`, `Promise.reject(new Error('bin/codebuddy.js runs it from serve.cjs'))`);
}

/**
 * An `import` of a module of Node reads each of its exports. Those of node:http include `WebSocket`, which loads the
 * copy of undici inside Node: 20 ms and 6 MB. `getBuiltinModule` reads none.
 */
function withBuiltins(text) {
  return text
    .replace(/\bimport\('(node:[a-z0-9_/]+)'\)/g, "process.getBuiltinModule('$1')")
    .replace(/^import (?!type )([^';]+?) from '(node:[a-z0-9_/]+)';$/gm, (_whole, names, from) => {
      const values = names.replace(/\btype \w+( as \w+)?,?\s*/g, '').replaceAll(' as ', ': ');
      return `const ${values.replace(/^\* as /, '')} = process.getBuiltinModule('${from}');`;
    });
}

function withoutCreateRequire(text) {
  return (
    text
      // The ending of the writer thread.
      .replaceAll('extname(import.meta.url)', "'.cjs'")
      .replace(/^ *const \{ createRequire \} = .*\n/m, '')
      .replace(/^ *const require = createRequire\(import\.meta\.url\);\n/gm, '')
      .replaceAll('createRequire(import.meta.url)', 'require')
  );
}

async function main() {
  const options = {
    absWorkingDir: root,
    outdir: output,
    bundle: true,
    platform: 'node',
    target: 'node22.19',
    external: outside,
    legalComments: 'none',
    minifyWhitespace: true,
    // For stack traces.
    lineLimit: 160,
    metafile: true,
    plugins: [plugin],
    logLevel: 'warning',
  };
  const built = await Promise.all([
    build({
      ...options,
      entryPoints: { main: 'src/cli/main.ts', serve: 'src/cli/load-serve.ts' },
      splitting: true,
      format: 'esm',
      banner: { js: "const require = process.getBuiltinModule('module').createRequire(import.meta.url);" },
    }),
    build({
      ...options,
      entryPoints: { serve: 'src/cli/serve-main.ts' },
      format: 'cjs',
      outExtension: { '.js': '.cjs' },
      define: { 'import.meta.url': 'importMetaUrl' },
      // A function, because a script that is compiled with a code cache gets nothing from a module loader.
      banner: { js: '(function (require, importMetaUrl) { var module = { exports: {} };' },
      footer: { js: 'return module.exports; })' },
    }),
    build({
      ...options,
      entryPoints: { 'writer-thread': 'src/store/sqlite/writer-thread.ts' },
      format: 'cjs',
      outExtension: { '.js': '.cjs' },
    }),
  ]);
  // One byte a character: half of the memory. src/cli/load-serve.ts relies on it.
  const [beyond] = fs.readFileSync(path.join(output, 'serve.cjs'), 'utf8').match(/.*[^\0-\x7f].*/) ?? [];
  if (beyond !== undefined) throw new Error(`Not ASCII, write it as \\u….: ${beyond}`);
  const inputs = built.flatMap(({ metafile }) => Object.keys(metafile.inputs));
  fs.writeFileSync(path.join(output, 'THIRD-PARTY-LICENSES.txt'), licencesOf(inputs));
}

/** The licence texts of the packages that the bundle contains. */
function licencesOf(files) {
  const folders = new Set();
  for (const file of files) {
    const [folder] = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? [];
    if (folder !== undefined) folders.add(folder);
  }
  const texts = [...folders].sort().map((folder) => {
    const { name, version, license } = require(path.join(root, folder, 'package.json'));
    const found = fs
      .readdirSync(path.join(root, folder))
      .filter((file) => /^(licen[cs]e|notice)/i.test(file));
    const lines = found.map((file) => fs.readFileSync(path.join(root, folder, file), 'utf8').trim());
    return [`${name} ${version} (${license})`, ...lines].join('\n\n');
  });
  return `dist/cli contains code of these packages.\n\n${texts.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}

main();
