// What models can do. Neither the price list nor most providers say; these are the families whose documentation does.
// Null: not known. Such a model is tried, and what it refuses is remembered.

import { CodeBuddyError } from '../../base/errors.ts';
import { fieldName } from '../../base/schema-errors.ts';
import type { ModelAbilities } from '../../contract/model.ts';

export type ConfiguredAbilities = Readonly<Partial<Record<keyof ModelAbilities, boolean>>>;

export interface KnownAbilities {
  of(model: string): ModelAbilities;
  /** The model refused an image. Until the next start, it gets none. */
  refusedImages(model: string): void;
}

const nothing: ModelAbilities = { tools: null, vision: null, structuredOutput: null, reasoning: null };
const all: ModelAbilities = { tools: true, vision: true, structuredOutput: true, reasoning: true };

/** By provider, for models of built-in providers; the first pattern that fits. */
const byProvider: Readonly<Record<string, readonly (readonly [RegExp, Partial<ModelAbilities>])[]>> = {
  anthropic: [
    [/^claude-3-5-haiku/, { ...all, structuredOutput: false, reasoning: false }],
    [/^claude-3-7/, { ...all, structuredOutput: false }],
    [/^claude-3/, { ...all, structuredOutput: false, reasoning: false }],
    [/^claude-/, all],
  ],
  openai: [
    [/^gpt-3\.5/, { tools: true, vision: false, structuredOutput: false, reasoning: false }],
    [/^(o1-mini|o1-preview)/, { tools: false, vision: false, structuredOutput: false, reasoning: true }],
    [/^o3-mini/, { ...all, vision: false }],
    [/^gpt-4(o|\.\d)/, { ...all, reasoning: false }],
    [/^gpt-4/, { tools: true, vision: null, structuredOutput: false, reasoning: false }],
    [/^(gpt-[5-9]|o\d)/, all],
  ],
  google: [
    [/^gemini-(1|2\.0)/, { ...all, reasoning: false }],
    [/^gemini-/, all],
    [/^gemma-3n?-(1b|270m)/, { ...nothing, vision: false }],
  ],
  xai: [
    [/^grok-(code|3)/, { ...all, vision: false }],
    [/^grok-2-vision/, { ...all, reasoning: false }],
    [/^grok-2/, { ...all, vision: false, reasoning: false }],
    [/^grok-/, all],
  ],
};

/** For models behind other servers, whose names say what they are. */
const byName: readonly (readonly [RegExp, Partial<ModelAbilities>])[] = [
  [
    /llava|bakllava|moondream|pixtral|minicpm-v|llama-?3\.2-?vision|[-_]vl\b|[-_:]vision\b|qwen[\d.]*-?vl|gemma-?3(?!n?[-:](1b|270m))/,
    { vision: true },
  ],
  [
    /deepseek-(chat|reasoner|r1|v3)|codestral|starcoder|gpt-oss|codellama|qwen[\d.]*-coder/,
    { vision: false },
  ],
];

/** `configured`: the `can` of a provider in config.json. */
export function createAbilities(
  configured: (provider: string) => ConfiguredAbilities | undefined,
): KnownAbilities {
  const refused = new Set<string>();
  return {
    of(model) {
      const [provider = ''] = model.split('/', 1);
      const id = model.slice(provider.length + 1).toLowerCase();
      const rules = byProvider[provider] ?? byName;
      const known = rules.find(([pattern]) => pattern.test(id))?.[1];
      const abilities = { ...nothing, ...known, ...configured(provider) };
      return refused.has(model) ? { ...abilities, vision: false } : abilities;
    },
    refusedImages(model) {
      // Prompts may name any model.
      if (refused.size >= 1000) refused.clear();
      refused.add(model);
    },
  };
}

/** How servers refuse an image: OpenRouter, vLLM, llama.cpp, Ollama, OpenAI, DeepSeek. */
const imageRefusals =
  /image input|image_url|images? (?:is|are) not|not (?:a )?(?:multimodal|vision)|(?:does|do) not support (?:image|vision|multimodal)|unsupported.{0,20}image|mmproj/i;

export function refusesImages(said: string): boolean {
  return imageRefusals.test(said);
}

/** For a prompt with images; `pointers` are those of the parts. */
export function cannotSee(model: string, pointers: readonly string[]): CodeBuddyError {
  const message = `is an image, and ${model} cannot see. GET /api/models lists models that can`;
  const [first = ''] = pointers;
  return new CodeBuddyError('model_cannot_see', `${fieldName(first)} ${message}.`, {
    errors: pointers.map((pointer) => ({ in: 'body', pointer, message })),
  });
}
