// The parameters that this server cannot honour. They are refused, so that no client believes that they had an effect.
// Hints for the model, such as `temperature`, are ignored: the agent chooses them.

import { unsupportedParameter } from './invalid-parameter.ts';

interface Refusal {
  readonly name: string;
  /** Whether this value asks for an unsupported feature. Null and a missing parameter never do. */
  readonly when: (value: unknown) => boolean;
  readonly message: string;
}

const isSet = (): boolean => true;
const isOn = (value: unknown): boolean => value !== false;
const hasEntries = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length > 0;
const ownTools =
  'is not supported: the agent has its own tools, and runs them itself. Remove it, or add tools to the server as an MCP server.';

const shared: readonly Refusal[] = [
  { name: 'tools', when: hasEntries, message: ownTools },
  {
    name: 'tool_choice',
    when: (value) => value !== 'auto' && value !== 'none',
    message: 'must be "auto" or "none": the agent chooses its tools itself.',
  },
  { name: 'top_logprobs', when: (value) => value !== 0, message: 'is not supported.' },
];

const chat: readonly Refusal[] = [
  ...shared,
  { name: 'functions', when: hasEntries, message: ownTools },
  { name: 'function_call', when: (value) => value !== 'auto' && value !== 'none', message: ownTools },
  { name: 'n', when: (value) => value !== 1, message: 'must be 1: a prompt starts one run.' },
  { name: 'logprobs', when: isOn, message: 'is not supported.' },
  {
    name: 'stop',
    when: (value) => typeof value === 'string' || hasEntries(value),
    message: 'is not supported.',
  },
  {
    name: 'modalities',
    when: (value) => JSON.stringify(value) !== '["text"]',
    message: 'must be ["text"]: the answer of the agent is text.',
  },
  { name: 'audio', when: isSet, message: 'is not supported: the answer of the agent is text.' },
  { name: 'logit_bias', when: hasEntries, message: 'is not supported.' },
  { name: 'prediction', when: isSet, message: 'is not supported.' },
  { name: 'web_search_options', when: isSet, message: 'is not supported: the agent has its own tools.' },
];

const responses: readonly Refusal[] = [
  ...shared,
  {
    name: 'conversation',
    when: isSet,
    message: 'is not supported. Use previous_response_id, or the header X-CodeBuddy-Session.',
  },
  { name: 'prompt', when: isSet, message: 'is not supported: this server has no stored prompts.' },
  { name: 'max_tool_calls', when: isSet, message: 'is not supported.' },
  {
    name: 'truncation',
    when: (value) => value !== 'auto' && value !== 'disabled',
    message: 'must be "auto" or "disabled". The agent summarizes a conversation that grows too long.',
  },
];

/** @throws CodeBuddyError `unsupported_parameter` */
export function refuseUnsupported(kind: 'chat' | 'responses', body: Readonly<Record<string, unknown>>): void {
  for (const { name, when, message } of kind === 'chat' ? chat : responses) {
    const value = body[name];
    if (value === undefined || value === null || !when(value)) continue;
    throw unsupportedParameter(`/${name}`, message);
  }
}
