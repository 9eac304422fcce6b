// A page: a part of a list, as services return it, and its schema for the API.

export interface PageRequest {
  readonly limit: number;
  /** The `next` of the page before. */
  readonly after?: string;
}

export interface OrderedPageRequest extends PageRequest {
  /** @default 'asc', oldest first */
  readonly order?: 'asc' | 'desc';
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Pass it as `after` to get the next page. Absent on the last page. */
  readonly next?: string;
}

/** Query parameters of every list. */
export const pageQueryProperties = {
  limit: {
    type: 'integer',
    minimum: 1,
    maximum: 200,
    default: 50,
    description: 'Items in the page, at most. A page with more than 4 MiB of text has fewer.',
  },
  cursor: {
    type: 'string',
    minLength: 1,
    maxLength: 512,
    description: '`nextCursor` of the page before; opaque.',
  },
} as const;

/** `{[name]: items, nextCursor}`; `nextCursor` is null on the last page. */
export function pageSchema<const Name extends string, const Item>(name: Name, item: Item) {
  return {
    type: 'object',
    properties: {
      [name]: { type: 'array', items: item },
      nextCursor: { type: ['string', 'null'], description: 'Null on the last page.' },
    } as { readonly [K in Name]: { readonly type: 'array'; readonly items: Item } } & {
      readonly nextCursor: { readonly type: readonly ['string', 'null'] };
    },
    required: [name, 'nextCursor'],
    additionalProperties: false,
  } as const;
}

/** Path parameters of a route with one `:id`. */
export const idParamsSchema = {
  type: 'object',
  properties: { id: { type: 'string', minLength: 1, maxLength: 128 } },
  required: ['id'],
  additionalProperties: false,
} as const;
