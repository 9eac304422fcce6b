// Bundles the dashboard (web/) into dist/web: index.html, and its scripts and style sheet under names with a hash of
// their content, each with a compressed copy. Run by build.cjs; with --watch, it builds again when a file changes.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const zlib = require('node:zlib');
const bundler = path.join(__dirname, 'bundler');
const esbuild = require(require.resolve('esbuild', { paths: [bundler] }));

const root = path.resolve(__dirname, '..');
const output = path.join(root, 'dist', 'web');

const writePage = {
  name: 'page',
  setup({ onEnd }) {
    onEnd(({ metafile, errors }) => {
      if (errors.length > 0) return;
      const [script, { cssBundle }] = Object.entries(metafile.outputs).find(
        ([, { entryPoint }]) => entryPoint === 'web/main.tsx',
      );
      const address = (file) => `/${path.relative(output, path.join(root, file)).replaceAll(path.sep, '/')}`;
      const page = fs
        .readFileSync(path.join(root, 'web', 'index.html'), 'utf8')
        .replace('main.tsx', address(script))
        .replace('main.css', address(cssBundle));
      fs.writeFileSync(path.join(output, 'index.html'), page);
      const files = Object.keys(metafile.outputs).filter((file) => !file.endsWith('.map'));
      for (const file of [...files.map((name) => path.join(root, name)), path.join(output, 'index.html')]) {
        fs.writeFileSync(`${file}.gz`, zlib.gzipSync(fs.readFileSync(file), { level: 9 }));
      }
    });
  },
};

const options = {
  absWorkingDir: root,
  entryPoints: ['web/main.tsx'],
  outdir: path.join(output, 'assets'),
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  bundle: true,
  // Pages that few people open are loaded when they are opened.
  splitting: true,
  format: 'esm',
  target: ['es2023', 'chrome123', 'firefox121', 'safari17.5'],
  minify: true,
  metafile: true,
  legalComments: 'none',
  // The paths of web/tsconfig.json are for the compiler and would hide the exports of the packages.
  tsconfigRaw: {},
  jsx: 'automatic',
  jsxImportSource: 'preact',
  nodePaths: [path.join(bundler, 'node_modules')],
  conditions: ['browser'],
  logLevel: 'warning',
  plugins: [writePage],
};

async function main() {
  fs.rmSync(output, { recursive: true, force: true });
  if (!process.argv.includes('--watch')) {
    await esbuild.build(options);
    return;
  }
  const context = await esbuild.context({ ...options, minify: false, sourcemap: 'inline', logLevel: 'info' });
  await context.watch();
}

main();
