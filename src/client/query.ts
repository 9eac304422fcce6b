// Query strings and paths.

/** Formats a query string: `?a=1&b=2`. Undefined values are left out, lists are repeated. */
export function toQuery(values: Readonly<Record<string, unknown>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    for (const item of Array.isArray(value) ? value : [value])
      if (item !== undefined) query.append(name, String(item));
  }
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}

/** Builds a path such as `/api/runs/run_1/events` from the collection, the id and the rest. */
export function pathOf(collection: string, id: string, rest = ''): string {
  return `/api/${collection}/${encodeURIComponent(id)}${rest}`;
}
