// Trims given characters from the end of a text. A regular expression such as /x+$/ takes quadratic time for this.

/** Removes the characters of `chars` (each one UTF-16 unit) from the end of the text. */
export function withoutTrailing(text: string, chars: string): string {
  let end = text.length;
  while (end > 0 && chars.includes(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}
