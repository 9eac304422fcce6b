// The text of a conversation, for an agent whose own session was lost.

import { cutTail, shorten } from '../../base/text.ts';
import { textOfParts } from '../models/sent-images.ts';
import type { Transcript } from '../transcript.ts';

/** The end of a longer conversation is handed over. */
const maxLength = 100_000;
const maxResult = 2000;

/** Undefined if nothing was said yet. */
export function handOver(
  { turns, results }: Transcript,
  exceptMessage: (runId: string | null) => boolean,
): string | undefined {
  const said = turns.flatMap((turn): string[] => {
    if (turn.kind === 'prompt')
      return exceptMessage(turn.runId) ? [] : [`User: ${turn.text}${textOfParts(turn.parts)}`];
    if (turn.kind === 'message') return [`User: ${turn.text}`];
    if (turn.kind === 'note') return [];
    return turn.parts.flatMap((part) => {
      if (part.type === 'reasoning') return [];
      if (part.type === 'text') return [`Assistant: ${part.text}`];
      const result = results.get(part.callId)?.text ?? '';
      return [
        `Assistant used ${part.tool} ${shorten(JSON.stringify(part.input) ?? '', maxResult)}: ${shorten(result, maxResult)}`,
      ];
    });
  });
  if (said.length === 0) return undefined;
  const all = said.join('\n\n');
  return all.length <= maxLength ? all : `[The beginning is left out.]\n${cutTail(all, maxLength)}`;
}
