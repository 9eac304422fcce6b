// Bundles the client as an application for browsers would.

import { createRequire } from 'node:module';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
/** The bundler has its own folder, and its types are not those of this package. */
interface Bundler {
  build(options: Readonly<Record<string, unknown>>): Promise<{
    readonly outputFiles: readonly { readonly text: string }[];
  }>;
}

const load = createRequire(join(root, 'scripts', 'bundler', 'package.json'));
const { build } = load('esbuild') as Bundler;

/** Returns the code. `entry`: a file of the repository. */
export async function bundleClient(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(root, entry)],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    legalComments: 'none',
    logLevel: 'silent',
  });
  return outputFiles[0]?.text ?? '';
}
