// The URL of a database, with the error of a store for an invalid one.

import { type DatabaseUrl, parseDatabaseUrl as parse } from '../../base/database-url.ts';
import { StoreOpenError } from '../store-open-error.ts';

export type { DatabaseUrl };

/** @throws StoreOpenError `refused` */
export function parseDatabaseUrl(text: string): DatabaseUrl {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new StoreOpenError('refused', `The database URL ${error.message}.`);
  }
}
