// The rows of a transcript, from what it knows.

import type { Message } from '../../../src/client/web.ts';
import type { OpenCall, RunEnd, TranscriptState } from './transcript-state.ts';

export type Row =
  | { readonly kind: 'message'; readonly message: Message }
  /** Tool calls that only read, one after the other. */
  | { readonly kind: 'reads'; readonly messages: readonly Message[] }
  /** `calls`: the tool calls of the run; undefined if not all of its messages are loaded. */
  | { readonly kind: 'end'; readonly end: RunEnd; readonly calls: number | undefined }
  | { readonly kind: 'call'; readonly call: OpenCall }
  | { readonly kind: 'reasoning'; readonly text: string; readonly isWhole: boolean }
  | { readonly kind: 'text'; readonly text: string; readonly isWhole: boolean };

const readTools: ReadonlySet<string> = new Set(['read_file', 'list_directory', 'glob', 'search']);

export function rowKey(row: Row): string {
  switch (row.kind) {
    case 'message':
      return row.message.id;
    case 'reads':
      return `reads ${row.messages[0]?.id}`;
    case 'end':
      return `end ${row.end.runId}`;
    case 'call':
      return row.call.callId;
    case 'reasoning':
    case 'text':
      return row.kind;
  }
}

/** Consecutive reads are one row; the end of a run follows its last message. */
export function pastRows(
  messages: readonly Message[],
  ends: ReadonlyMap<string, RunEnd>,
  hasOlder: boolean,
): readonly Row[] {
  const rows: Row[] = [];
  const calls = new Map<string, number>();
  const lastOf = new Map<string, number>();
  for (const [index, { runId }] of messages.entries()) if (runId !== null) lastOf.set(runId, index);
  const firstRun = hasOlder ? messages[0]?.runId : undefined;
  let reads: Message[] | undefined;
  for (const [index, message] of messages.entries()) {
    const { runId, role, tool } = message;
    if (role === 'tool' && runId !== null) calls.set(runId, (calls.get(runId) ?? 0) + 1);
    if (role === 'tool' && tool !== undefined && !tool.isError && readTools.has(tool.name)) {
      if (reads === undefined) {
        reads = [message];
        rows.push({ kind: 'reads', messages: reads });
      } else reads.push(message);
    } else {
      reads = undefined;
      rows.push({ kind: 'message', message });
    }
    const end = runId === null ? undefined : ends.get(runId);
    if (runId !== null && end !== undefined && lastOf.get(runId) === index) {
      reads = undefined;
      rows.push({ kind: 'end', end, calls: runId === firstRun ? undefined : (calls.get(runId) ?? 0) });
    }
  }
  return rows;
}

/** Rows of active runs: open tool calls, and the reasoning and the answer that stream. */
export function presentRows({
  openCalls,
  text,
  reasoning,
  isTextWhole: isWhole,
}: Readonly<TranscriptState>): readonly Row[] {
  return [
    ...openCalls.map((call) => ({ kind: 'call', call }) as const),
    ...(reasoning === '' ? [] : [{ kind: 'reasoning', text: reasoning, isWhole } as const]),
    ...(text === '' ? [] : [{ kind: 'text', text, isWhole } as const]),
  ];
}
