// Requirements of single providers beyond the common form. They are selected by the model's id, `provider/name`, since
// a gateway passes the model's rules on. Each rule is a pure function of the conversation: the same history always
// gives the same bytes.

export interface WireRules {
  /** `own`: the model gets its own reasoning back. `never`: the provider refuses or ignores it. */
  readonly reasoning: 'own' | 'never';
  /** Sent with an answer that has no reasoning of its own. */
  readonly missingReasoning: string | undefined;
  /** An answer with calls only is sent with an empty text. */
  readonly emptyTextBesideCalls: boolean;
  /** Reasoning is left out if an answer has text and calls. */
  readonly reasoningExcludesText: boolean;
  /** Tools that earlier calls name must be declared, even if they no longer exist. */
  readonly declaresOldTools: boolean;
}

const plain: WireRules = {
  reasoning: 'own',
  missingReasoning: undefined,
  emptyTextBesideCalls: false,
  reasoningExcludesText: false,
  declaresOldTools: false,
};

const rules: readonly (readonly [model: RegExp, Partial<WireRules>])[] = [
  // Unknown fields of a message are refused (nearai/ironclaw#1241 shows the validation; `reasoning_content` is none of
  // Mistral's).
  [/mistral|codestral|devstral|magistral|pixtral/, { reasoning: 'never' }],
  // karthink/gptel#774 (unknown fields), BerriAI/litellm#11001 (calls of tools that are not declared)
  [/^groq\//, { reasoning: 'never', declaresOldTools: true }],
  // While thinking, old answers without `reasoning_content` are refused: earendil-works/pi#3636 (DeepSeek),
  // continuedev/continue#11600 and HKUDS/nanobot#3939 (Kimi). An answer of another model has none.
  [/deepseek|kimi|moonshot/, { missingReasoning: 'Not recorded.' }],
  // langchain-ai/langchain#34140
  [/grok|^xai\//, { emptyTextBesideCalls: true }],
  // ggml-org/llama.cpp#20861: the template refuses text and reasoning beside calls.
  [/gpt-oss/, { reasoningExcludesText: true }],
];

export function wireRulesOf(model: string): WireRules {
  const id = model.toLowerCase();
  return Object.assign({}, plain, ...rules.filter(([pattern]) => pattern.test(id)).map(([, rule]) => rule));
}
