// Finds the tool that a provider's refusal is about, if any: a schema that a provider rejects makes every request fail
// that declares the tool. OpenAI gives the name and, in `param`, the place: "Invalid schema for function 'x'",
// `tools[19].function.parameters` (Azure/azure-mcp#197); Anthropic the place alone: `tools.13.custom.input_schema`
// (anthropics/claude-code#657); Gemini puts all functions into one tool.

import { readError } from './read-error.ts';

const places: readonly RegExp[] = [/function_?declarations?[.[](\d+)/i, /(?<![A-Za-z_])tools?[.[](\d+)/i];
/** An error there is about an earlier message, not about a tool. */
const aboutMessages = /(?:messages|input|contents)[.[]\d+/i;
const aboutTools = /schema|parameters|properties|function|tool|declaration/i;
const quotes = ["''", '""', '``', '‘’', '“”'];

/** `cause`: the error of the provider package. `tools`: the names in the order in which they were sent. */
export function refusedToolIn(cause: unknown, tools: readonly string[]): string | undefined {
  const facts = readError(cause);
  // The error quotes a malformed call of the model (groq/groq-typescript#28).
  if (facts === undefined || facts.codes.includes('tool_use_failed')) return undefined;
  const { text, param } = facts;
  if (aboutMessages.test(param)) return undefined;
  if (!aboutMessages.test(text) && aboutTools.test(text)) {
    const named = tools.filter((name) => isNamed(name, text));
    if (named.length === 1) return named[0];
  }
  for (const words of [param, text]) {
    for (const place of places) {
      const index = place.exec(words)?.[1];
      if (index !== undefined) return tools[Number(index)];
    }
  }
  return undefined;
}

/** True if the text has the name in quotation marks, or bare if it cannot be an ordinary word. */
function isNamed(name: string, text: string): boolean {
  if (quotes.some(([open, close]) => text.includes(`${open}${name}${close}`))) return true;
  if (!/[_-]/.test(name)) return false;
  const isPart = (char: string | undefined): boolean => char !== undefined && /[A-Za-z0-9_-]/.test(char);
  for (let at = text.indexOf(name); at !== -1; at = text.indexOf(name, at + 1))
    if (!isPart(text[at - 1]) && !isPart(text[at + name.length])) return true;
  return false;
}
