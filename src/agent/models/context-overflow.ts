// Recognizes the errors by which servers say that a conversation exceeds the model's context: by code, then by wording,
// each with the place where it was seen. Applies to error responses and to errors inside a stream that began with 200.

import type { ErrorFacts } from './read-error.ts';

const codes: ReadonlySet<string> = new Set([
  'context_length_exceeded', // OpenAI, Groq: earendil-works/pi overflow.ts; openai/codex#4675 (inside a stream)
  'context_window_exceeded',
  'contextwindowexceedederror', // LiteLLM: exception_mapping_utils.py
  'exceed_context_size_error', // llama.cpp: unslothai/unsloth#6164
  'model_context_window_exceeded', // Z.ai: anomalyco/opencode#27629; Anthropic's stop reason
  'model_max_prompt_tokens_exceeded', // Copilot: earendil-works/pi overflow.ts
  'request_too_large', // Anthropic: "HTTP errors", docs.claude.com
  'string_above_max_context',
]);

const words: readonly RegExp[] = [
  /maximum context length/i, // OpenAI, OpenRouter, vLLM: earendil-works/pi overflow.ts
  /exceeds? (?:the |this |its )?(?:model'?s? )?(?:maximum )?context (?:window|length|size|limit)/i, // OpenAI responses: Wei-Shaw/sub2api#3857
  /prompt is too long/i, // Anthropic: earendil-works/pi overflow.ts
  /exceeds? (?:the )?context limit/i, // Anthropic, input and max_tokens together: BerriAI/litellm
  /input is too long/i, // Bedrock: earendil-works/pi overflow.ts
  /too large for model with \d+ maximum context/i, // Mistral: earendil-works/pi overflow.ts
  /reduce the length of the (?:messages|prompt|input)/i, // Groq, OpenAI: earendil-works/pi overflow.ts
  /request too large for/i, // Groq 413, OpenAI 429, one request over the minute's tokens: continuedev/continue#10218, vanna-ai/vanna-flask#11
  /maximum prompt length/i, // xAI: earendil-works/pi overflow.ts
  /exceed(?:s|ed)? (?:the )?model(?:'s)? token limit/i, // Kimi: earendil-works/pi overflow.ts
  /range of input length/i, // Qwen: QwenLM/qwen-code#98
  /more than max tokens allowed/i, // Z.ai: anomalyco/opencode#27629
  /maximum allowed input length/i, // OpenRouter: earendil-works/pi overflow.ts
  /longer than the (?:model'?s )?(?:maximum )?context/i, // Together, Ollama: earendil-works/pi overflow.ts, ollama llm/llama_server.go
  /context (?:window|length|size|limit)(?: has been| was| is)? exceed/i, // MiniMax, LM Studio: earendil-works/pi overflow.ts, lmstudio-bug-tracker#2322
  /exceeds the limit of \d+/i, // Copilot: earendil-works/pi overflow.ts
  /exceeds? (?:the )?available context/i, // llama.cpp: unslothai/unsloth#6164
  /keep the first \d+ tokens/i, // LM Studio: lmstudio-bug-tracker#2339
  /trying to keep the first/i,
  /(?:prompt|input|conversation|messages|request) (?:is |are |has |contains )?(?:too long|too many tokens)/i,
  /too many (?:input )?tokens(?! per)/i,
];

/** Two parts of one line, with any text between them. One expression with `.*` would take quadratic time. */
const parts: readonly (readonly [start: RegExp, end: RegExp])[] = [
  [/input token count/i, /exceeds the maximum/i], // Gemini: earendil-works/pi overflow.ts
  [/current length is /i, / while limit/i], // Cerebras: earendil-works/pi overflow.ts
  [/(?:context|token) (?:length|window|limit)/i, /^[^.]{0,40}(?:exceed|reached|too)/i],
];

/**
 * Errors that sound similar: limits of one field, and of requests per minute (earendil-works/pi overflow.ts,
 * BerriAI/litellm#17343).
 */
const otherwise: readonly RegExp[] = [
  /string too long|array too long|above_max_length/i,
  /rate.?limit(?!_exceeded)|too many requests|throttl|please wait/i,
  /tool_?(?:call_?)?_?id|function name/i,
];

export function isContextOverflow({ status, codes: given, text }: ErrorFacts): boolean {
  if (status === 401 || status === 402) return false;
  if (given.some((code) => codes.has(code.toLowerCase()))) return true;
  if (/request too large for/i.test(text)) return true;
  if (otherwise.some((pattern) => pattern.test(text))) return false;
  // A 413 always means that the request is too large.
  return status === 413 || words.some((pattern) => pattern.test(text)) || hasParts(text);
}

function hasParts(text: string): boolean {
  return text.split(/[\n\r\u2028\u2029]/).some((line) =>
    parts.some(([start, end]) => {
      const found = start.exec(line);
      return found !== null && end.test(line.slice(found.index + found[0].length));
    }),
  );
}
