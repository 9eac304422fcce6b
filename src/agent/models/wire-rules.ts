// What single providers want beyond the form that all take. Told by the model's id, `provider/name`, since a gateway passes the model's
// rules on. Each rule is a pure function of the conversation: the same history gives the same bytes each time.

export interface WireRules {
  /** `own`: what this model thought goes back to it. `never`: it is refused, or of no use. */
  readonly reasoning: 'own' | 'never';
  /** An answer without reasoning of its own gets this in its place. */
  readonly missingReasoning: string | undefined;
  /** An answer that has calls only is sent with an empty text beside them. */
  readonly emptyTextBesideCalls: boolean;
  /** Text, reasoning and calls do not go together: the reasoning is left out. */
  readonly reasoningExcludesText: boolean;
  /** Tools that old calls name must be declared, also if they are gone. */
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
  // Unknown fields of a message are refused (nearai/ironclaw#1241 shows the validation; `reasoning_content` is none of Mistral's).
  [/mistral|codestral|devstral|magistral|pixtral/, { reasoning: 'never' }],
  // karthink/gptel#774 (unknown fields), BerriAI/litellm#11001 (calls of tools that are not declared)
  [/^groq\//, { reasoning: 'never', declaresOldTools: true }],
  // While thinking, old answers without `reasoning_content` are refused: earendil-works/pi#3636 (DeepSeek), continuedev/continue#11600 and
  // HKUDS/nanobot#3939 (Kimi). An answer of another model has none to give.
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
