// How many tokens a text takes, roughly: four ASCII characters make one, and each other character counts as one. What a provider counts is
// known only afterwards.

const asciiPerToken = 4;

export function estimateTextTokens(text: string): number {
  let other = 0;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) other++;
  return Math.ceil((text.length - other) / asciiPerToken) + other;
}

/** How many UTF-16 units of the text take `tokens` tokens, if its characters are spread evenly. */
export function lengthForTokens(text: string, tokens: number): number {
  const all = estimateTextTokens(text);
  return all <= tokens ? text.length : Math.floor((text.length * tokens) / all);
}
