// Converts a session's transcript to the prompt of a model, in a form that every provider accepts: user and assistant
// alternate, each call is followed by exactly one result, no text is blank, and reasoning goes only to the model that
// wrote it. The prompt is a pure function of the stored transcript, so a later run sends the same bytes again. The
// store keeps everything; a summary replaces the older part once the conversation exceeds the model's context.

import type {
  LanguageModelV4Message,
  LanguageModelV4Prompt,
  SharedV4ProviderOptions,
} from '@ai-sdk/provider';
import { cutHead, cutTail, isBlank, sendable, sendableDeep } from '../../base/text.ts';
import type { Summary } from '../driver.ts';
import { estimateTextTokens } from '../text-tokens.ts';
import type { AnswerTurn, CallResult, SentInput, SentPart, Transcript, Turn } from '../transcript.ts';
import { blind, countImages, imagePart, type Sight, textOfParts, tokensPerImage } from './sent-images.ts';
import { type WireRules, wireRulesOf } from './wire-rules.ts';

type AssistantPart = Extract<LanguageModelV4Message, { role: 'assistant' }>['content'][number];
type UserPart = Extract<LanguageModelV4Message, { role: 'user' }>['content'][number];
type ToolMessage = Extract<LanguageModelV4Message, { role: 'tool' }>;
type Results = ReadonlyMap<string, CallResult>;

/** Sent instead of a missing result. */
const noResult =
  'There is no result: the run ended before this call had answered. It may or may not have been done.';
/** Closes an interrupted turn. Some providers refuse a user message after a result or after another user message. */
const cutOff = '[The run ended here, before I had answered.]';
/** Closes a step before a message that came in while the agent worked. */
const messageCame = '[A message of the user came in while I worked.]';
/** Follows the text of an interrupted answer. */
const brokenOff = '\n\n[My answer was cut off here.]';
const notKept = '[What was said before is not kept.]';
const goOn = '[Go on.]';
/** Between the result of a call and the image that it has read. */
const lookingAt = '[I look at the image.]';
const summaryRead = 'I have read the summary and continue from there.';

export interface Conversation extends Omit<Transcript, 'waiting'> {
  readonly summary: Summary | undefined;
}

/** Without the system prompt. */
export function promptFor(
  { turns, results, summary }: Conversation,
  model: string,
  sight: Sight = blind,
): LanguageModelV4Prompt {
  const rules = wireRulesOf(model);
  const prompt: LanguageModelV4Message[] = [];
  const sayAsUser = (text: string, closing: string, more: readonly UserPart[] = []): void => {
    if (prompt.length > 0 && prompt.at(-1)?.role !== 'assistant') {
      prompt.push({ role: 'assistant', content: [{ type: 'text', text: closing }], ...extrasOf([], rules) });
    }
    prompt.push({
      role: 'user',
      content: [...(text === '' ? [] : [{ type: 'text' as const, text }]), ...more],
    });
  };
  if (summary !== undefined) sayAsUser(summaryText(summary), cutOff);
  for (const [index, turn] of turns.entries()) {
    if (turn.kind === 'answer') {
      addAnswer(prompt, turn, { model, rules, results });
      const images = turn.parts.flatMap((part) =>
        part.type === 'call' ? (results.get(part.callId)?.images ?? []) : [],
      );
      // Few providers take an image in a result.
      if (sight.sees && images.length > 0)
        sayAsUser(
          '',
          lookingAt,
          images.flatMap((image) => [
            { type: 'text', text: `The image ${JSON.stringify(image.name)}:` },
            imagePart(image, sight),
          ]),
        );
      continue;
    }
    const before = turns[index - 1];
    const more = turn.kind === 'prompt' ? (turn.parts ?? []).map((part) => inputPart(part, sight)) : [];
    const last = prompt.at(-1);
    const text = joins(turn, before) ? lastTextOf(last) : undefined;
    if (text !== undefined && last?.role === 'user') {
      text.text += `\n\n${sendable(turn.text)}`;
      last.content.push(...more);
    } else if (!isBlank(turn.text)) {
      let closing = cutOff;
      if (turn.kind === 'message' && before?.kind === 'answer') closing = messageCame;
      if (index === 0 && summary !== undefined) closing = summaryRead;
      sayAsUser(sendable(turn.text), closing, more);
    }
  }
  // The last message must be the user's. A resumed run may have no new one.
  if (prompt.at(-1)?.role === 'assistant') sayAsUser(goOn, cutOff);
  return prompt;
}

function inputPart(part: SentInput, sight: Sight): UserPart {
  return part.type === 'text' ? { type: 'text', text: sendable(part.text) } : imagePart(part, sight);
}

/** Messages that follow one another are one for the model, and so are a prompt and the messages around it. */
function joins(turn: Turn, before: Turn | undefined): boolean {
  if (before === undefined || before.kind === 'answer') return false;
  if (turn.kind === 'message' && turn.runId !== null && before.runId === turn.runId) return true;
  return before.kind === 'message' && turn.kind !== 'note';
}

function lastTextOf(message: LanguageModelV4Message | undefined): { text: string } | undefined {
  const part = message?.role === 'user' ? message.content.at(-1) : undefined;
  return part?.type === 'text' ? part : undefined;
}

function addAnswer(
  prompt: LanguageModelV4Message[],
  turn: AnswerTurn,
  { model, rules, results }: { readonly model: string; readonly rules: WireRules; readonly results: Results },
): void {
  const parts = partsFor(turn, model, rules);
  if (parts.length === 0) return;
  const last = prompt.at(-1);
  // Two answers in a row, as in sessions of an earlier release, become one.
  if (last === undefined) prompt.push({ role: 'user', content: [{ type: 'text', text: notKept }] });
  if (last?.role === 'assistant') last.content.push(...parts);
  else prompt.push({ role: 'assistant', content: parts, ...extrasOf(parts, rules) });
  const content: ToolMessage['content'] = [];
  for (const part of turn.parts) {
    if (part.type !== 'call') continue;
    const { text, isError } = results.get(part.callId) ?? { text: noResult, isError: true };
    content.push({
      type: 'tool-result',
      toolCallId: part.callId,
      toolName: safeToolName(part.tool),
      output: { type: isError ? 'error-text' : 'text', value: sendable(text) },
    });
  }
  if (content.length > 0) prompt.push({ role: 'tool', content });
}

function partsFor(turn: AnswerTurn, model: string, rules: WireRules): AssistantPart[] {
  // Signatures, item ids and encrypted reasoning belong to the model that wrote them; others refuse them.
  const isOwn = turn.model === model;
  let parts = turn.parts.filter((part) => {
    if (part.type === 'text') return !isBlank(part.text);
    if (part.type === 'call') return true;
    return isOwn && rules.reasoning === 'own' && hasReasoning(part);
  });
  const has = (type: SentPart['type']): boolean => parts.some((part) => part.type === type);
  if (rules.reasoningExcludesText && has('text') && has('call'))
    parts = parts.filter(({ type }) => type !== 'reasoning');
  // OpenAI requires an item after a reasoning item; Anthropic refuses reasoning at the end.
  while (parts.at(-1)?.type === 'reasoning') parts = parts.slice(0, -1);
  return parts.map((part): AssistantPart => {
    const extra =
      isOwn && part.metadata !== undefined
        ? { providerOptions: part.metadata as SharedV4ProviderOptions }
        : {};
    return part.type === 'call'
      ? {
          type: 'tool-call',
          toolCallId: part.callId,
          toolName: safeToolName(part.tool),
          input: asObject(sendableDeep(part.input)),
          ...extra,
        }
      : {
          type: part.type,
          text: part.type === 'text' ? sendable(part.text) + (turn.isCutOff ? brokenOff : '') : part.text,
          ...extra,
        };
  });
}

/** Reasoning may consist of metadata only (encrypted or redacted); Gemini refuses a part without text. */
function hasReasoning({ text, metadata }: Extract<SentPart, { type: 'reasoning' }>): boolean {
  if (!isBlank(text)) return true;
  return metadata !== undefined && Object.keys(metadata).some((provider) => provider !== 'google');
}

/** Fields that the chat-completions package adds to the message unchanged. */
function extrasOf(
  parts: readonly AssistantPart[],
  { missingReasoning, emptyTextBesideCalls }: WireRules,
): { providerOptions?: SharedV4ProviderOptions } {
  const fields: Record<string, string> = {};
  if (missingReasoning !== undefined && !parts.some(({ type }) => type === 'reasoning'))
    fields.reasoning_content = missingReasoning;
  if (emptyTextBesideCalls && parts.length > 0 && !parts.some(({ type }) => type === 'text'))
    fields.content = '';
  return Object.keys(fields).length === 0 ? {} : { providerOptions: { openaiCompatible: fields } };
}

/** A tool name that every provider accepts: a model may call a tool that does not exist. */
export function safeToolName(name: string): string {
  const legal = name.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, 64);
  return /^[A-Za-z_]/.test(legal) ? legal : `_${legal}`.slice(0, 64);
}

function asObject(input: unknown): Record<string, unknown> {
  return typeof input === 'object' && input !== null && !Array.isArray(input)
    ? (input as Record<string, unknown>)
    : {};
}

export function summaryText({ text }: Pick<Summary, 'text'>): string {
  return `Summary of the conversation so far, which was too long to be read again:\n\n${sendable(text)}`;
}

/** The tokens of one turn, with the results of its calls. */
export function tokensOf(turn: Turn, results: Results): number {
  if (turn.kind === 'note' || turn.kind === 'message')
    return estimateTextTokens(turn.text) + tokensPerMessage;
  if (turn.kind === 'prompt')
    return (
      estimateTextTokens(turn.text + textOfParts(turn.parts)) +
      countImages(turn.parts) * tokensPerImage +
      tokensPerMessage
    );
  let tokens = tokensPerMessage;
  for (const part of turn.parts) {
    if (part.type !== 'call') tokens += estimateTextTokens(part.text);
    else {
      const { text: result = noResult, images = [] } = results.get(part.callId) ?? {};
      tokens += images.length * tokensPerImage;
      tokens +=
        estimateTextTokens(JSON.stringify(part.input)) + estimateTextTokens(result) + 2 * tokensPerMessage;
    }
  }
  return tokens;
}

/** For role, ids, names and brackets. */
const tokensPerMessage = 10;

export function tokensOfAll({ turns, results, summary }: Conversation): number {
  let tokens = summary === undefined ? 0 : estimateTextTokens(summaryText(summary));
  for (const turn of turns) tokens += tokensOf(turn, results);
  return tokens;
}

/**
 * Returns how many turns to summarize. The turns after them, up to `keepTokens`, stay unchanged, and the last one
 * always does. 0: there is nothing to summarize.
 */
export function findCut({ turns, results }: Conversation, keepTokens: number): number {
  let cut = turns.length - 1;
  let kept = cut >= 0 ? tokensOf(turns[cut] as Turn, results) : 0;
  while (cut > 1) {
    kept += tokensOf(turns[cut - 1] as Turn, results);
    if (kept > keepTokens) break;
    cut--;
  }
  return Math.max(cut, 0);
}

/** The conversation as plain text, for the model that summarizes it: as text, calls and results need no tools. */
export function asTranscript({ turns, results, summary }: Conversation, maxCharacters: number): string {
  const lines = turns.map((turn) => {
    if (turn.kind === 'note' || turn.kind === 'message') return `user: ${turn.text}`;
    if (turn.kind === 'prompt') return `user: ${turn.text}${textOfParts(turn.parts)}`;
    const texts = turn.parts.map((part) => {
      if (part.type === 'text') return part.text;
      if (part.type === 'reasoning') return '';
      const result = results.get(part.callId)?.text ?? noResult;
      return `[calls ${part.tool} ${middleOut(JSON.stringify(part.input))}]\n[${part.tool} gave ${middleOut(result)}]`;
    });
    return `assistant: ${texts.filter((text) => text !== '').join('\n')}`;
  });
  const whole = sendable(
    [...(summary === undefined ? [] : [`user: ${summaryText(summary)}`]), ...lines].join('\n\n'),
  );
  if (whole.length <= maxCharacters) return whole;
  // The newest part matters most, and the first request matters too.
  const head = cutHead(whole, Math.floor(maxCharacters / 4));
  return `${head}\n\n[…]\n\n${cutTail(whole, Math.floor((maxCharacters * 3) / 4))}`;
}

function middleOut(text: string): string {
  return text.length > 4000 ? `${cutHead(text, 2500)} […] ${cutTail(text, 1500)}` : text;
}
