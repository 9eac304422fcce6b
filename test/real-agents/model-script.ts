// The replies of the model that the agents ask. A prompt says what the model does. Requests that agents make on their
// own, for a title or a suggestion, get a plain text.

import type { DecideReply, ModelMessage, ModelReply } from '../agent/model-server-types.ts';
import type { RealAgent } from './real-agents.ts';

export const prompts = {
  greet: 'Say hello.',
  write: (file: string) => `Write the file <${file}>.`,
  run: (command: string) => `Run the command <${command}>.`,
  tellSlowly: 'Tell a story that never ends.',
  remember: 'The word is heron. Say ready.',
  recall: 'Which word was it?',
} as const;

export const answers = {
  hello: ['Hel', 'lo', ' there.'],
  afterTool: 'All done.',
  story: ['Once ', 'upon ', 'a time'],
} as const;

/** The content of each file that it writes. */
export const content = 'one\ntwo\n';

export function scriptOf(agent: RealAgent): DecideReply {
  return ({ messages, toolNames }): ModelReply => {
    // Claude Code adds messages of the system behind the user's.
    const conversation = messages.filter(({ role }) => role !== 'system');
    const last = conversation.at(-1);
    if (last?.role === 'tool') return { kind: 'answer', text: answers.afterTool };
    if (last?.role !== 'user' || toolNames.length === 0) return { kind: 'answer', text: 'A title' };
    const { text } = last;
    if (text.includes(prompts.recall)) return { kind: 'answer', text: recalled(conversation) };
    if (text.includes(prompts.tellSlowly)) return { kind: 'answer', text: answers.story, silentAfter: 2 };
    const [, act, argument = ''] = /(Write the file|Run the command) <([^>]*)>/.exec(text) ?? [];
    if (act === undefined) return { kind: 'answer', text: answers.hello };
    const call = act === 'Write the file' ? agent.writeFile(argument, content) : agent.runCommand(argument);
    return { kind: 'answer', text: 'I try. ', toolCalls: [call] };
  };
}

/** Shows that the agent sent the earlier conversation. */
function recalled(conversation: readonly ModelMessage[]): string {
  const isKnown = conversation.some(({ text }) => text.includes(prompts.remember));
  return isKnown ? 'It was heron.' : 'I do not know.';
}
