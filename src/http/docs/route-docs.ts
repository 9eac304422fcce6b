// What /openapi.json tells of a route beyond its schemas: other media types, headers and the codes of its problems.

import type { ProblemCode } from '../../base/errors.ts';
import type { RequestHeaderName, ResponseHeaderName } from './openapi-headers.ts';

export interface RouteDocs {
  /** Bodies by status and media type. They come before `schema.response`, which says how JSON is written. */
  readonly content?: Readonly<Record<number, Readonly<Record<string, object>>>>;
  /** The meaning of a status, where its schema has no description. */
  readonly descriptions?: Readonly<Record<number, string>>;
  readonly requestHeaders?: readonly RequestHeaderName[];
  readonly responseHeaders?: Readonly<Record<number, readonly ResponseHeaderName[]>>;
  /** The codes of its problems, beyond those that all routes of its kind have. */
  readonly errors?: readonly ProblemCode[];
}
