// Bundles the client as an application for browsers would.

import { createRequire } from 'node:module';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
/** The bundler has its own folder, and its types are not those of this package. */
interface Bundler {
  build(options: Readonly<Record<string, unknown>>): Promise<{
    readonly outputFiles: readonly { readonly path: string; readonly text: string }[];
    readonly metafile?: {
      readonly outputs: Readonly<
        Record<
          string,
          {
            readonly entryPoint?: string;
            readonly imports: readonly { readonly path: string; readonly kind: string }[];
          }
        >
      >;
    };
  }>;
}

const load = createRequire(join(root, 'scripts', 'bundler', 'package.json'));
const { build } = load('esbuild') as Bundler;

const options = {
  absWorkingDir: root,
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  write: false,
  legalComments: 'none',
  logLevel: 'silent',
} as const;

/** Returns the code, as one file. `entry`: a file of the repository. */
export async function bundleClient(entry: string): Promise<string> {
  const { outputFiles } = await build({ ...options, entryPoints: [join(root, entry)] });
  return outputFiles[0]?.text ?? '';
}

/** Returns the code that a page loads at first, without the files that the client loads when it needs them. */
export async function firstCodeOf(entry: string): Promise<string> {
  const outdir = join(root, 'nowhere');
  const { outputFiles, metafile } = await build({
    ...options,
    entryPoints: [join(root, entry)],
    splitting: true,
    metafile: true,
    outdir,
  });
  const outputs = metafile?.outputs ?? {};
  const names = Object.keys(outputs).filter((name) => outputs[name]?.entryPoint === entry);
  // The list grows while it is read.
  for (const name of names)
    for (const { path, kind } of outputs[name]?.imports ?? [])
      if (kind === 'import-statement' && !names.includes(path)) names.push(path);
  const files = names.map((name) => outputFiles.find(({ path }) => path === join(root, name)));
  return files.map((file) => file?.text ?? '').join('\n');
}
