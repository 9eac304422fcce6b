// Changes of many rows in steps, on the writer thread. A step is small, so that commits wait for it only a few
// milliseconds.

import type { SQLInputValue } from 'node:sqlite';
import type { Row } from '../rows.ts';
import { searchedWords } from '../search/message-words.ts';
import type { GroupCommit } from './group-commit.ts';
import type { Statements } from './statements.ts';

/** Functions of the writer thread that the main thread may call. Arguments and results are structured clones. */
export type Maintenance = ReturnType<typeof createMaintenance>;

/** A step of the index of messages: up to this many messages, or this much text in UTF-16 units. */
const messagesPerStep = 200;
const textPerStep = 128 * 1024;

/** Every row was created before it. */
const always = Number.MAX_SAFE_INTEGER;

export function createMaintenance(statements: Statements, { transaction }: Pick<GroupCommit, 'transaction'>) {
  /**
   * Deletes the payloads of deleted deliveries that no other delivery sends. Returns how many deliveries these were.
   */
  function freePayloads(deleted: readonly Row[]): number {
    for (const { sequence } of deleted) statements.dropPayloadUse.run(sequence as number);
    for (const { sequence } of deleted) statements.deleteUnusedPayload.run(sequence as number);
    return deleted.length;
  }

  return {
    probe: (): void => {
      statements.probe.run();
    },
    pruneEvents: (before: number, max: number): number =>
      Number(statements.pruneEvents.run(before, max).changes),
    pruneEventsUpTo: (sequence: number, max: number): number =>
      Number(statements.pruneEventsUpTo.run(sequence, max).changes),
    pruneAnswers: (before: number, max: number): number =>
      Number(statements.pruneAnswers.run(before, max).changes),
    pruneTriggerCalls: (before: number, max: number): number =>
      Number(statements.pruneTriggerCalls.run(before, max).changes),
    trimTriggerCalls: (triggerId: string, keep: number, max: number): number =>
      Number(statements.trimTriggerCalls.run(triggerId, keep, max).changes),
    pruneTriggerKeys: (before: number, max: number): number =>
      Number(statements.pruneTriggerKeys.run(before, max).changes),
    pruneFileHistory: ({
      before,
      maxBytes,
      max,
    }: {
      readonly before: number;
      readonly maxBytes: number;
      readonly max: number;
    }): number =>
      transaction(
        () =>
          Number(statements.pruneFileImages.run(before, max).changes) +
          Number(statements.trimFileImages.run(maxBytes, max).changes) +
          Number(statements.pruneFileChanges.run(before, max).changes),
      ),
    pruneFiles: (before: number, max: number): number =>
      Number(statements.pruneFiles.run(before, max).changes),
    cancelPending: (
      webhookId: string,
      sequences: readonly number[],
      { reason, endedAt }: { readonly reason: string; readonly endedAt: number },
    ): number =>
      transaction(() => {
        let count = 0;
        for (const sequence of sequences)
          count += Number(statements.cancelPending.run(sequence, webhookId, reason, endedAt).changes);
        return count;
      }),
    hastenWaiting: (
      webhookId: string,
      { now, withinMs, max }: { readonly now: number; readonly withinMs: number; readonly max: number },
    ): number => Number(statements.hastenWaiting.run(webhookId, now, now + withinMs, max).changes),
    freshenWaiting: (webhookId: string, max: number): readonly number[] =>
      statements.freshenWaiting.all(webhookId, max).map(({ sequence }) => sequence as number),
    pullWaiting: (limit: number, due: number, max: number): number =>
      Number(statements.pullWaiting.run(limit, due, max).changes),
    /** Adds the next messages to the index of words. Returns how many. */
    indexMessages: (): number =>
      transaction(() => {
        let count = 0;
        let text = 0;
        let last: SQLInputValue = null;
        for (const { place, content } of statements.unindexedMessages.iterate(messagesPerStep)) {
          const words = searchedWords(String(content));
          if (words !== '') statements.addMessageWords.run(place as number, words);
          last = place as number;
          count++;
          text += words.length;
          if (text >= textPerStep) break;
        }
        if (last !== null) statements.setSearchProgress.run(last);
        return count;
      }),
    pruneDeliveries: ({
      before,
      excess,
      max,
    }: {
      readonly before: number;
      readonly excess: number;
      readonly max: number;
    }): number =>
      transaction(() => {
        const beyond = Math.min(excess, max);
        const deleted = beyond > 0 ? statements.pruneDeliveries.all(always, beyond) : [];
        const old = statements.pruneDeliveries.all(before, max - deleted.length);
        return freePayloads([...deleted, ...old]);
      }),
    clearDeliveries: (webhookId: string | undefined, max: number): number =>
      transaction(() =>
        freePayloads(
          webhookId === undefined
            ? statements.clearDeliveries.all(max)
            : statements.clearDeliveriesOf.all(webhookId, max),
        ),
      ),
  };
}
