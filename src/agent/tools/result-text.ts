// Encodes the outcome of a call as the text that the session keeps and the model reads; no other place does. A text
// that is too long keeps its head and its tail, and says how to read the rest.

import { CodeBuddyError } from '../../base/errors.ts';
import { isRecord } from '../../base/is-record.ts';
import { cutHead, cutTail, isBlank, sendable, sendableDeep } from '../../base/text.ts';
import { estimateTextTokens, lengthForTokens } from '../text-tokens.ts';
import type { ToolOutcome } from './tool.ts';

/** Limit of one result in UTF-8 bytes, for every model. */
export const maxResultBytes = 262_144;

/** The whole text, up to `maxResultBytes`. */
export function textOfOutcome(outcome: ToolOutcome): string {
  return fitText(wholeText(outcome), Number.POSITIVE_INFINITY, '');
}

/** The text cut to about `maxTokens` tokens. `tool` determines the advice on reading the rest. */
export function fitOutcome(tool: string, outcome: ToolOutcome, maxTokens: number): string {
  const whole = wholeText(outcome);
  if (fits(whole, maxTokens)) return whole;
  return outcome.ok && isRecord(outcome.result)
    ? fitRecord(tool, sendableDeep(outcome.result), maxTokens)
    : fitText(whole, maxTokens, adviceFor(tool));
}

/** Cuts a text that was encoded before. */
export function cutResultText(tool: string, text: string, maxTokens: number): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // Plain text, or a text that was cut before.
  }
  return fitOutcome(tool, { ok: true, result: isRecord(parsed) ? parsed : text }, maxTokens);
}

function wholeText(outcome: ToolOutcome): string {
  const text = saidBy(outcome);
  // Some providers refuse a result without text.
  return isBlank(text) ? '(no output)' : text;
}

function saidBy(outcome: ToolOutcome): string {
  if (!outcome.ok) {
    return outcome.error instanceof CodeBuddyError ? sendable(outcome.error.message) : 'The tool failed.';
  }
  const { result } = outcome;
  return typeof result === 'string' ? sendable(result) : JSON.stringify(sendableDeep(result) ?? null);
}

function fits(text: string, maxTokens: number): boolean {
  return (
    (text.length * 3 <= maxResultBytes || Buffer.byteLength(text) <= maxResultBytes) &&
    estimateTextTokens(text) <= maxTokens
  );
}

/** Cuts the longest strings of a result; its shape and its short fields stay unchanged. */
function fitRecord(tool: string, result: Readonly<Record<string, unknown>>, maxTokens: number): string {
  const fields = Object.entries(result).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string' && entry[1].length > minFieldLength,
  );
  const whole = JSON.stringify(result);
  if (fields.length === 0) return fitText(whole, maxTokens, adviceFor(tool));
  const rest = JSON.stringify({ ...result, ...Object.fromEntries(fields.map(([name]) => [name, ''])) });
  // Escapes lengthen the text, so the first attempt may still be too long.
  for (let share = 0.9; share > 0.05; share *= 0.7) {
    const room = Math.max(0, maxTokens - estimateTextTokens(rest)) * share;
    const cut = fields.map(([name, text]) => [
      name,
      fitText(text, room / fields.length, adviceFor(tool, result, name), maxResultBytes * share * 0.9),
    ]);
    const text = JSON.stringify({ ...result, ...Object.fromEntries(cut), truncated: true });
    if (fits(text, maxTokens)) return text;
  }
  return fitText(whole, maxTokens, adviceFor(tool));
}

const minFieldLength = 200;
type Advice = string | ((head: string) => string);

function adviceFor(tool: string, result?: Readonly<Record<string, unknown>>, field?: string): Advice {
  switch (tool) {
    case 'read_file': {
      if (field !== 'content') return 'read them with offset and limit';
      const first = typeof result?.startLine === 'number' ? result.startLine : 1;
      return (head) => {
        const lines = head.match(/\n/g)?.length ?? 0;
        // Offsets count lines and cannot point inside one.
        if (lines === 0) return 'the line is long: read parts of it with bash (head -c, tail -c, cut -c)';
        return `read on with offset ${first + lines} and a limit`;
      };
    }
    case 'bash':
      return 'write the output to a file and read parts of it, or filter it with grep, head or tail';
    case 'search':
      return 'search again with a narrower pattern, glob or path';
    case 'glob':
    case 'list_directory':
      return 'ask again for a narrower pattern or a folder below';
    default:
      return 'ask again for less at once';
  }
}

/** Head (two thirds) and tail, with a note between them. */
function fitText(text: string, maxTokens: number, advice: Advice, maxBytes = maxResultBytes): string {
  const isShort = text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes;
  if (isShort && (maxTokens === Number.POSITIVE_INFINITY || estimateTextTokens(text) <= maxTokens))
    return text;
  let room = Math.min(
    lengthForTokens(text, Math.max(maxTokens - noteTokens, 0)),
    Math.floor((maxBytes * text.length) / Math.max(Buffer.byteLength(text), 1)) - 200,
  );
  // Characters are not spread evenly: the kept part may take more than its share.
  for (let tries = 0; ; tries++) {
    const cut = headAndTail(text, Math.max(room, 0), advice);
    if (tries === 5 || (estimateTextTokens(cut) <= maxTokens && Buffer.byteLength(cut) <= maxBytes))
      return cut;
    room = Math.floor(room * 0.7);
  }
}

function headAndTail(text: string, room: number, advice: Advice): string {
  let head = cutHead(text, Math.floor((room * 2) / 3));
  // Part of a line could be mistaken for the whole line.
  const lineEnd = head.lastIndexOf('\n') + 1;
  if (lineEnd > head.length / 2) head = head.slice(0, lineEnd);
  let tail = cutTail(text, Math.floor(room / 3));
  const lineStart = tail.indexOf('\n') + 1;
  if (lineStart > 0 && lineStart < tail.length / 2) tail = tail.slice(lineStart);
  const omitted = Buffer.byteLength(text) - Buffer.byteLength(head) - Buffer.byteLength(tail);
  const hint = typeof advice === 'string' ? advice : advice(head);
  const separator = head === '' || head.endsWith('\n') ? '' : '\n';
  return `${head}${separator}[… ${omitted} bytes left out${hint === '' ? '' : `; ${hint}`} …]\n${tail}`;
}

const noteTokens = 40;
