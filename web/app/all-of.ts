// All items of a list that comes in pages, or the first `most` of them.

export async function allOf<T>(
  list: AsyncIterable<T>,
  most = Number.POSITIVE_INFINITY,
): Promise<readonly T[]> {
  const items: T[] = [];
  for await (const item of list) {
    if (items.length >= most) break;
    items.push(item);
  }
  return items;
}
