// The words of a message as a `tsvector` of PostgreSQL. Its own parser is not used: what it takes for a word depends on
// the locale of the database, and it keeps paths and addresses whole.

/** PostgreSQL keeps no more: places after the last one, and further ones of a word, are dropped. */
const lastPlace = 16_383;
const maxPlaces = 255;

/** `words`: separated by spaces. */
export function toTsVector(words: string): string {
  const places = new Map<string, number[]>();
  let place = 0;
  for (const word of words.split(' ')) {
    if (word === '') continue;
    place = Math.min(place + 1, lastPlace);
    const list = places.get(word);
    if (list === undefined) places.set(word, [place]);
    else if (list.length < maxPlaces && list.at(-1) !== place) list.push(place);
  }
  return Array.from(places, ([word, list]) => `'${word}':${list.join(',')}`).join(' ');
}
