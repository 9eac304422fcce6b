// The version of this package, read from package.json.

import { createRequire } from 'node:module';

const manifest: unknown = createRequire(import.meta.url)('../../package.json');

/** For example `1.2.3`. */
export const version: string =
  typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : '0.0.0';
