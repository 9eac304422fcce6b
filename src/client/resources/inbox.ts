// `client.inbox`.

import type {
  Answer,
  InboxItem,
  Query,
  Question,
  QuestionAnswer,
  ToolCall,
  ToolCallResult,
} from '../api-objects.ts';
import type { CallOptions } from '../call-options.ts';
import type { PageList } from '../paging.ts';
import { pathOf } from '../query.ts';
import { Resource } from './resource.ts';

/** The inbox: permissions, questions of the agent, and calls of tools of callers that wait. */
export class Inbox extends Resource {
  /**
   * Lists what runs wait for, oldest first.
   *
   * @example
   * for await (const item of client.inbox.list({ kind: 'question' })) console.log(item);
   */
  list(query?: Query<'listInbox'>, options?: CallOptions): PageList<Answer<'listInbox', 200>, InboxItem> {
    return this.calls.list('/api/inbox', options, query, ({ items }) => items);
  }

  /**
   * Answers a question. Resolves to the pending question if its run works on another node that does not answer within
   * 5 s.
   *
   * @throws CodeBuddyApiError `question_not_found`, `question_resolved`, `node_unavailable`
   * @example
   * await client.inbox.answer(question.id, { answer: 'yes' });
   */
  answer(id: string, answer: QuestionAnswer, options?: CallOptions): Promise<Question> {
    return this.calls.send('POST', pathOf('questions', id), answer, options);
  }

  /**
   * Gives the result of a call of the caller's tool, or the error that it failed with.
   *
   * @throws CodeBuddyApiError `tool_call_not_found`, `tool_call_resolved`, `node_unavailable`
   * @example
   * await client.inbox.giveResult(toolCall.id, { result: { celsius: 21 } });
   */
  giveResult(id: string, result: ToolCallResult, options?: CallOptions): Promise<ToolCall> {
    return this.calls.send('POST', pathOf('tool-calls', id), result, options);
  }
}
