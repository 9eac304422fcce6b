// Prompts that chat clients send behind the scenes: for the title of a chat, its tags, follow-up questions, and the
// like. They are about a conversation and not part of one, so they must not start the agent. A language model answers
// them alone; without one, a plain rule does.

import type { Conversation } from './conversation.ts';

export type SideTask =
  | 'title'
  | 'tags'
  | 'follow_ups'
  | 'queries'
  | 'image_prompt'
  | 'emoji'
  | 'completion'
  | 'other';

/** The beginnings of prompts that ask for a title: LibreChat (3), Continue. */
const titleBeginnings = [
  'provide a concise, 5-word-or-less title for the conversation',
  'analyze this conversation and provide:',
  'please generate a concise title (max',
  'given the following... please reply with a title for the chat',
];

/** The field of the JSON that Open WebUI asks for, by task. */
const openWebUiFields: readonly (readonly [field: string, task: SideTask])[] = [
  ['"title"', 'title'],
  ['"tags"', 'tags'],
  ['"follow_ups"', 'follow_ups'],
  ['"queries"', 'queries'],
  ['"prompt"', 'image_prompt'],
];

/**
 * The task, if the request is such a prompt: a single message with one of the templates above. Nothing else counts, so
 * that no real prompt is kept from the agent; the documents that Open WebUI adds to a prompt have such a heading, too.
 */
export function sideTaskOf({ history, prompt }: Conversation): SideTask | undefined {
  if (history.length > 0) return undefined;
  const text = prompt.trimStart();
  const start = text.slice(0, 200).toLowerCase();
  if (titleBeginnings.some((beginning) => start.startsWith(beginning))) return 'title';
  if (start.startsWith("your task is to reflect the speaker's likely facial expression")) return 'emoji';
  if (!start.startsWith('### task:')) return undefined;
  if (start.includes('you are an autocompletion system')) return 'completion';
  if (!text.includes('<chat_history>') || !text.includes('</chat_history>')) return undefined;
  // The conversation itself may contain anything.
  const instructions = text.slice(0, text.indexOf('<chat_history>'));
  return openWebUiFields.find(([field]) => instructions.includes(field))?.[1] ?? 'other';
}

const maxTitleWords = 6;
const maxTitleLength = 60;

/** The answer of the rule, in the form that the prompt asks for. */
export function answerByRule(task: SideTask, prompt: string): string {
  switch (task) {
    case 'title': {
      const title = titleFrom(prompt);
      return prompt.includes('"title"') ? JSON.stringify({ title }) : title;
    }
    case 'tags':
      return JSON.stringify({ tags: ['General'] });
    case 'follow_ups':
      return JSON.stringify({ follow_ups: [] });
    case 'queries':
      return JSON.stringify({ queries: [] });
    case 'image_prompt':
      return JSON.stringify({ prompt: firstWordsOfUser(prompt) });
    case 'completion':
      return JSON.stringify({ text: '' });
    case 'emoji':
      return '💬';
    case 'other':
      return '{}';
  }
}

function titleFrom(prompt: string): string {
  const words = firstWordsOfUser(prompt)
    .split(/\s+/)
    .filter((word) => word !== '');
  const title = words.slice(0, maxTitleWords).join(' ').slice(0, maxTitleLength).trim();
  return title === '' ? 'New chat' : title;
}

/** The first line of the user in the conversation that the prompt quotes. */
function firstWordsOfUser(prompt: string): string {
  const history = prompt.lastIndexOf('<chat_history>');
  const lines = prompt.slice(history === -1 ? 0 : history + '<chat_history>'.length).split('\n');
  for (const line of lines) {
    const [speaker = '', ...rest] = line.split(':');
    if (['user', 'human'].includes(speaker.trim().toLowerCase())) return rest.join(':').trim();
  }
  // Without the names of the speakers, the conversation follows the instructions.
  return history === -1 ? (lines.filter((line) => line.trim() !== '').at(-1) ?? '') : '';
}
