import type { Delivery } from '../../../src/client/web.ts';

/** One request of a delivery. */
export type Attempt = Delivery['attemptLog'][number];
