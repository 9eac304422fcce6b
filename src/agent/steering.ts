// Messages besides prompts: to a working run, which sees them before its next step, and to a session, whose next run
// sees them. Both are messages of the session, and events.

import { CodeBuddyError } from '../base/errors.ts';
import { makeId } from '../base/ids.ts';
import { withPossibleEffect } from '../base/possible-effect.ts';
import { isBlank, wellFormed } from '../base/text.ts';
import type { Steered } from '../contract/steer.ts';
import type { EventLog } from '../events/event-log.ts';
import type { Store } from '../store/store.ts';
import type { LiveRun } from './live-run.ts';
import { newMessageRow } from './message-record.ts';
import { type AgentNode, askOwner, commandKinds, nodeUnavailable } from './nodes/agent-node.ts';
import type { RunQueue } from './run-queue.ts';
import { isUnfinished, runEnded, runNotFound, toRun } from './run-record.ts';

export interface SteerRequest {
  readonly text: string;
  readonly expectedStep?: number;
  /** The API key's id; null on a server without keys. @default null */
  readonly keyId?: string | null;
  /** True if the key has the scope `tools`. @default true */
  readonly mayUseTools?: boolean;
  /** The number of requests of this server's own webhooks that led to it. @default 0 */
  readonly hop?: number;
}

export interface SteeringOptions {
  readonly store: Pick<Store, 'getRun'>;
  readonly log: Pick<EventLog, 'append'>;
  readonly queue: Pick<RunQueue, 'get'>;
  readonly now: () => number;
  readonly node: AgentNode | undefined;
}

export interface Steering {
  /**
   * @throws CodeBuddyError `validation_failed`, `run_not_found`, `run_ended`, `step_mismatch`, `insufficient_scope`,
   * `not_supported_by_agent`, `too_many_messages`, `node_unavailable`
   */
  steer(id: string, request: SteerRequest): Promise<Steered>;
  close(): void;
}

/** Messages that wait for the next step of a run, at most. */
const maxWaiting = 32;

export function createSteering({ store, log, queue, now, node }: SteeringOptions): Steering {
  async function steerOwn(run: LiveRun, request: SteerRequest, messageId: string): Promise<Steered> {
    const { keyId = null, mayUseTools = true, hop = 0 } = request;
    const text = requireText(request.text);
    const hasEnded = run.isEnding || run.isLost || run.signal.aborted || run.steers.isClosed;
    if (hasEnded) throw isEnding(run.id);
    requireRights(run, { keyId, mayUseTools });
    if (run.driver.checkSteer === undefined)
      throw new CodeBuddyError(
        'not_supported_by_agent',
        'The agent of this session takes no messages while it works. Send the text as a new prompt: it waits in line.',
      );
    run.driver.checkSteer({ text, mayUseTools });
    const step = run.record.step ?? 0;
    const { expectedStep } = request;
    if (expectedStep !== undefined && expectedStep !== step)
      throw new CodeBuddyError(
        'step_mismatch',
        `expectedStep is ${expectedStep}, but run ${run.id} is at step ${step}. The message was not taken.`,
      );
    if (run.steers.size >= maxWaiting)
      throw new CodeBuddyError(
        'too_many_messages',
        `${maxWaiting} messages wait for the next step of run ${run.id} already.`,
        { headers: { 'Retry-After': '5' } },
      );
    const message = {
      ...newMessageRow({ ...run.owner, role: 'user', content: text, via: 'steer', step }, now()),
      id: messageId,
    };
    await run.steers.add({ messageId, text }, () =>
      log.append(
        [{ type: 'message.user', data: { messageId, text, via: 'steer' }, ...run.owner, hop }],
        [{ kind: 'addMessage', message }],
      ),
    );
    return { messageId, ...run.owner, step };
  }

  const stopHandling = node?.commands.handle(commandKinds.steer, async (data) => {
    const { id, messageId, request } = data as { id: string; messageId: string; request: SteerRequest };
    const run = queue.get(id);
    if (run === undefined) throw isEnding(id);
    return steerOwn(run, request, messageId);
  });

  return {
    async steer(id, request) {
      requireText(request.text);
      const messageId = makeId('msg', now());
      const live = queue.get(id);
      if (live !== undefined && !live.isLost) return steerOwn(live, request, messageId);
      const row = await store.getRun(id);
      if (row === undefined) throw runNotFound(id);
      const run = toRun(row);
      if (node === undefined || !isUnfinished(run)) throw runEnded(run);
      const command = { kind: commandKinds.steer, data: { id, messageId, request } };
      const outcome = await askOwner(node, id, command);
      if (outcome.status === 'done') return outcome.answer as Steered;
      if (outcome.status === 'failed') throw outcome.error;
      throw withPossibleEffect(nodeUnavailable(id));
    },
    close: () => stopHandling?.(),
  };
}

/**
 * A run works with the rights of the key that started it. Another key could use them by its messages, so it needs the
 * scope `tools`.
 */
function requireRights(
  { request }: LiveRun,
  { keyId, mayUseTools }: { readonly keyId: string | null; readonly mayUseTools: boolean },
): void {
  if (mayUseTools || keyId === request.keyId) return;
  throw new CodeBuddyError(
    'insufficient_scope',
    'Only the key that started the run, or one with the scope "tools", may send messages to it.',
  );
}

function isEnding(id: string): CodeBuddyError {
  return new CodeBuddyError(
    'run_ended',
    `Run ${id} has ended, or is about to. The message was not taken: send it as a prompt.`,
  );
}

/** @throws CodeBuddyError `validation_failed` for a blank text, which models refuse */
export function requireText(text: string): string {
  if (!isBlank(text)) return wellFormed(text);
  const message = 'must not be blank';
  throw new CodeBuddyError('validation_failed', `text ${message}.`, {
    errors: [{ in: 'body', pointer: '/text', message }],
  });
}
