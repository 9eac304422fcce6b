// The folder of the built dashboard. It has the same place beside src/app/ and dist/cli/, which contains the bundle.

import { fileURLToPath } from 'node:url';

export const dashboardFolder = fileURLToPath(new URL('../../dist/web', import.meta.url));
