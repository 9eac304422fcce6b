// A question of the agent at the terminal: its choices by number, or a text.

import { ask, oneLine } from './output.ts';

export interface AgentQuestion {
  readonly questionId: string;
  readonly question: string;
  readonly choices: readonly string[];
  readonly allowsText: boolean;
}

export function describeAgentQuestion({ question, choices }: AgentQuestion): string {
  return [
    oneLine(`? ${question}`),
    ...choices.map((choice, index) => oneLine(`  ${index + 1}. ${choice}`)),
  ].join('\n');
}

/** Repeats the question until the answer is valid. Undefined after Ctrl-D. */
export async function askAgentQuestion(
  question: AgentQuestion,
  input: NodeJS.ReadStream,
  signal: AbortSignal,
): Promise<string | undefined> {
  let text = `${describeAgentQuestion(question)}\n  ${hintFor(question)}: `;
  for (;;) {
    const said = await ask(text, { input, signal });
    if (said === undefined) return undefined;
    const answer = readAnswer(said.trim(), question);
    if (answer !== undefined) return answer;
    text = `  ${JSON.stringify(said.trim())} is not a valid answer. ${hintFor(question)}: `;
  }
}

function hintFor({ choices, allowsText }: AgentQuestion): string {
  if (choices.length === 0) return 'Answer';
  return allowsText ? `1 to ${choices.length}, or another answer` : `1 to ${choices.length}`;
}

function readAnswer(said: string, { choices, allowsText }: AgentQuestion): string | undefined {
  if (said === '') return undefined;
  const byNumber = /^\d+$/.test(said) ? choices[Number(said) - 1] : undefined;
  if (byNumber !== undefined) return byNumber;
  return allowsText || choices.includes(said) ? said : undefined;
}
