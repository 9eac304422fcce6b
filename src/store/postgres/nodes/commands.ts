// Commands to other nodes. A command is a row; its target handles it at most once, because it remembers what it has
// handled and a take-over marks the rest as dead.

import { callHost } from '../../../base/call-host.ts';
import { CodeBuddyError, isProblemCode } from '../../../base/errors.ts';
import { makeId } from '../../../base/ids.ts';
import type { CommandOutcome, CommandRequest, Commands } from '../../ownership.ts';
import type { StoreLogger } from '../../store-logger.ts';
import type { Row } from '../database.ts';
import type { Feed } from './feed.ts';
import type { Node } from './node.ts';
import type { Query } from './query.ts';
import { statements } from './statements.ts';

export interface CommandsOptions {
  readonly node: Node;
  readonly query: Query;
  readonly feed: Feed;
  readonly logger: StoreLogger | undefined;
}

type Handler = (data: unknown) => Promise<unknown>;

const retryAfterMs = 250;
const defaultTimeoutMs = 5000;

export function createCommands({ node, query, feed, logger }: CommandsOptions): Commands & { close(): void } {
  const handlers = new Map<string, Handler>();
  /** Commands to this node that its handlers have been called for. Their rows may still be there. */
  const begun = new Set<string>();
  const waiting = new Map<string, (outcome: CommandOutcome) => void>();
  let isReading = false;
  let isTaking = false;
  let life = 0;
  let closed = false;

  const stops = [
    feed.onPolled(({ hasCommands, hasAnswers }) => {
      if (hasCommands) void readCommands();
      if (hasAnswers) void takeAnswers();
    }),
    node.onLost(() => {
      life++;
    }),
  ];

  // ---- as the target

  async function readCommands(): Promise<void> {
    if (isReading || closed || node.epoch === 0) return;
    isReading = true;
    try {
      const { rows } = await query(statements.readCommands, [node.id]);
      const ids = new Set(rows.map(({ id }) => String(id)));
      // Those without a row are answered.
      for (const id of begun) if (!ids.has(id)) begun.delete(id);
      for (const row of rows) {
        const id = String(row.id);
        if (begun.has(id)) continue;
        begun.add(id);
        void handleRow(id, row);
      }
    } catch {
      // The next poll tries again.
    } finally {
      isReading = false;
    }
  }

  async function handleRow(id: string, row: Row): Promise<void> {
    const ofLife = life;
    const outcome = await handleHere({ kind: String(row.kind), data: JSON.parse(String(row.data)) });
    const [status, answer] =
      outcome.status === 'done'
        ? ['done', JSON.stringify(outcome.answer ?? null)]
        : ['failed', JSON.stringify(describe(outcome.error))];
    while (ofLife === life && !closed) {
      try {
        await query(statements.answerCommand, [node.id, node.epoch, id, status, answer]);
        feed.signal('poll');
        return;
      } catch (error) {
        callHost(() =>
          logger?.warn({ err: error, command: id }, 'the answer to a command could not be stored'),
        );
        await new Promise((resolve) => setTimeout(resolve, retryAfterMs));
      }
    }
  }

  type HandledHere = Extract<CommandOutcome, { status: 'done' | 'failed' }>;

  async function handleHere({ kind, data }: CommandRequest): Promise<HandledHere> {
    const handler = handlers.get(kind);
    if (handler === undefined) {
      const detail = `This node cannot handle ${JSON.stringify(kind)}. It may run another release.`;
      return { status: 'failed', error: new CodeBuddyError('internal_error', detail) };
    }
    try {
      return { status: 'done', answer: await handler(data) };
    } catch (error) {
      return { status: 'failed', error: error instanceof Error ? error : new Error(String(error)) };
    }
  }

  // ---- as the sender

  async function takeAnswers(): Promise<void> {
    if (isTaking || closed) return;
    isTaking = true;
    try {
      const { rows } = await query(statements.takeAnswers, [node.id]);
      for (const { id, status, answer } of rows) {
        const settle = waiting.get(String(id));
        waiting.delete(String(id));
        settle?.(toOutcome(status, answer));
      }
    } catch {
      // The next poll tries again. Answers that were deleted without being seen are `pending` for their senders.
    } finally {
      isTaking = false;
    }
  }

  async function send(
    nodeId: string,
    { kind, data }: CommandRequest,
    { timeoutMs = defaultTimeoutMs }: { readonly timeoutMs?: number } = {},
  ): Promise<CommandOutcome> {
    if (nodeId === node.id) return handleHere({ kind, data });
    const id = makeId('cmd');
    let timer: NodeJS.Timeout | undefined;
    const answered = new Promise<CommandOutcome>((resolve) => {
      waiting.set(id, resolve);
      timer = setTimeout(() => resolve({ status: 'pending' }), timeoutMs);
    });
    try {
      const values = [id, node.id, nodeId, kind, JSON.stringify(data ?? null)];
      const { count } = await query(statements.sendCommand, values);
      if (count === 0) return { status: 'dead' };
      feed.signal('poll');
      return await answered;
    } finally {
      clearTimeout(timer);
      waiting.delete(id);
    }
  }

  return {
    handle(kind, handler) {
      if (handlers.has(kind)) throw new TypeError(`${kind} already has a handler`);
      handlers.set(kind, handler);
      return () => {
        if (handlers.get(kind) === handler) handlers.delete(kind);
      };
    },
    send,
    close() {
      closed = true;
      for (const stop of stops) stop();
      for (const settle of waiting.values()) settle({ status: 'pending' });
    },
  };
}

function describe(error: Error): object {
  if (!(error instanceof CodeBuddyError)) {
    return { code: 'internal_error', message: 'Internal error; see the log of the node that handled it.' };
  }
  const { code, message, errors, headers } = error;
  return { code, message, errors, headers };
}

function toOutcome(status: unknown, answer: unknown): CommandOutcome {
  if (status === 'dead') return { status: 'dead' };
  const value: unknown = JSON.parse(String(answer));
  if (status === 'done') return { status: 'done', answer: value };
  const { code, message, errors, headers } = value as Record<string, unknown>;
  return {
    status: 'failed',
    error: new CodeBuddyError(isProblemCode(code) ? code : 'internal_error', String(message), {
      ...(Array.isArray(errors) ? { errors } : {}),
      ...(headers === undefined ? {} : { headers: headers as Record<string, string> }),
    }),
  };
}
