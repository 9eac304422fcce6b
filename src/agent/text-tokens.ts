// Estimates the tokens of a text: four ASCII characters count as one, and so does each other character. The provider's
// own count is known only after a call.

const asciiPerToken = 4;

export function estimateTextTokens(text: string): number {
  let other = 0;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) other++;
  return Math.ceil((text.length - other) / asciiPerToken) + other;
}

/** The UTF-16 units of the text that take `tokens` tokens, if its characters are spread evenly. */
export function lengthForTokens(text: string, tokens: number): number {
  const all = estimateTextTokens(text);
  return all <= tokens ? text.length : Math.floor((text.length * tokens) / all);
}
