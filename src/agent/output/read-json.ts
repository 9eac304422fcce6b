// Reads the JSON of an answer. Models often put it in a code fence although they were told not to.

const fence = /^```(?:json)?[ \t]*\r?\n([\s\S]*)\n[ \t]*```$/;

/** The value, or undefined if the text is not JSON. */
export function readJson(text: string): { readonly value: unknown } | undefined {
  const trimmed = text.trim();
  try {
    return { value: JSON.parse(fence.exec(trimmed)?.[1] ?? trimmed) as unknown };
  } catch {
    return undefined;
  }
}
