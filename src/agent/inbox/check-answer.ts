// Checks whether an answer fits its item, and shows the item with it.

import { CodeBuddyError } from '../../base/errors.ts';
import { isBlank, shorten } from '../../base/text.ts';
import type { InboxAnswer, InboxItem } from '../../contract/inbox.ts';

/** @throws CodeBuddyError `validation_failed`, naming the field */
export function checkAnswer(item: InboxItem, answer: InboxAnswer): void {
  if (item.kind !== 'question' || answer.kind !== 'question') return;
  const { choices, allowsText } = item.question;
  const said = answer.value.answer;
  if (isBlank(said)) throw invalid('must not be blank');
  if (allowsText || choices.includes(said)) return;
  const shown = choices.map((choice) => JSON.stringify(shorten(choice, 100))).join(', ');
  throw invalid(`must be one of the choices: ${shown}`);
}

export function answeredItem(item: InboxItem, answer: InboxAnswer): InboxItem {
  switch (item.kind) {
    case 'permission': {
      const isDenied = answer.kind === 'permission' && answer.value.decision === 'deny';
      return {
        kind: 'permission',
        permission: { ...item.permission, status: isDenied ? 'denied' : 'allowed' },
      };
    }
    case 'question': {
      const said = answer.kind === 'question' ? { answer: answer.value.answer } : {};
      return { kind: 'question', question: { ...item.question, status: 'answered', ...said } };
    }
    case 'tool_call':
      return { kind: 'tool_call', toolCall: { ...item.toolCall, status: 'answered' } };
  }
}

function invalid(message: string): CodeBuddyError {
  return new CodeBuddyError('validation_failed', `answer ${message}.`, {
    errors: [{ in: 'body', pointer: '/answer', message }],
  });
}
