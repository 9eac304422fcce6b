// Finds names similar to one that does not exist, for error messages.

/** At most three, the most similar first. Names with nothing in common with the wanted one are left out. */
export function nearestNames(wanted: string, names: readonly string[]): readonly string[] {
  const target = simplify(wanted);
  return names
    .map((name) => ({
      name,
      distance: distanceOf(target, simplify(name)),
      length: Math.max(wanted.length, name.length),
    }))
    .filter(({ distance, length }) => distance < length && distance <= Math.max(1, length / 3))
    .sort((left, right) => left.distance - right.distance || (left.name < right.name ? -1 : 1))
    .slice(0, 3)
    .map(({ name }) => name);
}

/** Long names are compared only by their beginning, since the time is quadratic. */
function simplify(name: string): string {
  return name.normalize('NFC').toLowerCase().slice(0, 100);
}

/**
 * The number of edits and swaps of neighbours between two names. A name that begins with the other, or differs only in
 * its extension, has distance 1.
 */
function distanceOf(left: string, right: string): number {
  const [shorter, longer] = left.length < right.length ? [left, right] : [right, left];
  if (shorter.length >= 3 && (longer.startsWith(shorter) || stem(left) === stem(right))) return 1;
  let beforeLast: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const row = [i];
    for (let j = 1; j <= right.length; j++) {
      const isSame = left[i - 1] === right[j - 1];
      let best = Math.min(
        (last[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (last[j - 1] as number) + (isSame ? 0 : 1),
      );
      if (i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1])
        best = Math.min(best, (beforeLast[j - 2] as number) + 1);
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[right.length] as number;
}

function stem(name: string): string {
  return name.replace(/\.[^.]*$/, '');
}
