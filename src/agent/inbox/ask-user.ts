// The tool `ask_user`: the agent asks a person, with choices or for a text.

import type { ToolDescription } from '../../contract/tool.ts';
import type { CallerTool } from '../../contract/tool-call.ts';

export const askUserName = 'ask_user';

/** Declared as a caller's tool is, so that both are checked in one way. */
export const askUser: CallerTool = {
  name: askUserName,
  description:
    'Asks the user a question and waits for the answer. Use it when a decision is the user’s and you cannot find the answer yourself. Ask one question at a time. Offer choices where you can.',
  schema: {
    type: 'object',
    properties: {
      question: { type: 'string', minLength: 1, maxLength: 4000, description: 'The question, in full.' },
      choices: {
        type: 'array',
        items: { type: 'string', minLength: 1, maxLength: 500 },
        maxItems: 20,
        uniqueItems: true,
        description: 'Answers to choose from.',
      },
      allowsText: {
        type: 'boolean',
        description: 'Whether the user may answer with other text than the choices. Default: true.',
      },
    },
    required: ['question'],
    additionalProperties: false,
  },
};

export interface AskUserParams {
  readonly question: string;
  readonly choices: readonly string[];
  readonly allowsText: boolean;
}

/** `params` are valid for the schema. */
export function readAskUser(params: Readonly<Record<string, unknown>>): AskUserParams {
  const choices = Array.isArray(params.choices) ? params.choices.map(String) : [];
  return {
    question: String(params.question),
    choices,
    // Without choices, only a text can answer.
    allowsText: choices.length === 0 || params.allowsText !== false,
  };
}

export function describeTool({ name, description, schema }: CallerTool): ToolDescription {
  // Calls of them wait one after the other.
  return { name, description, inputSchema: schema, readOnly: false };
}
