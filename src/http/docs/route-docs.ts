// Details of a route for /openapi.json that its schemas do not contain: other media types, headers and problem codes.

import type { ProblemCode } from '../../base/errors.ts';
import type { RequestHeaderName, ResponseHeaderName } from './openapi-headers.ts';

/** Documentation of a route. */
export interface RouteDocs {
  /** Bodies by status and media type. They replace `schema.response`, which serializes the JSON. */
  readonly content?: Readonly<Record<number, Readonly<Record<string, object>>>>;
  /** Media types of a body of bytes. */
  readonly requestTypes?: readonly string[];
  /** Descriptions by status, if the schema has none. */
  readonly descriptions?: Readonly<Record<number, string>>;
  readonly requestHeaders?: readonly RequestHeaderName[];
  readonly responseHeaders?: Readonly<Record<number, readonly ResponseHeaderName[]>>;
  /** True if the route is not in /openapi.json: it is a part of a page. */
  readonly isHidden?: boolean;
  /** Problem codes besides those of all routes of its kind. */
  readonly errors?: readonly ProblemCode[];
}

/** The problem codes of a route that writes to the store. */
export const storeErrors = ['storage_unavailable', 'storage_full'] as const satisfies readonly ProblemCode[];
