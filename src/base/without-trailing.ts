// Trims other characters than white space from the end of a text. A regular expression like /x+$/ takes quadratic time for this.

/** The text without the characters of `chars` (each one UTF-16 unit) at its end. */
export function withoutTrailing(text: string, chars: string): string {
  let end = text.length;
  while (end > 0 && chars.includes(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}
