// Formats a session and its messages as CommonMark (https://spec.commonmark.org/0.31.2/). The content of a message
// cannot break out of its block: its headings, HTML and link targets do not become those of the document.

import { builtinAgent } from '../contract/agent-names.ts';
import type { Message } from '../contract/message.ts';
import type { Part } from '../contract/part.ts';
import type { Session } from '../contract/session.ts';

export function sessionAsMarkdown(session: Session): string {
  const { id, title, agent, model, createdAt, updatedAt, messageCount } = session;
  const { cost, usage, origin, forkedFrom } = session;
  const facts = [
    id,
    ...(agent === builtinAgent ? [] : [codeSpan(agent)]),
    model === null ? 'no model' : codeSpan(model),
    `created ${createdAt}`,
    `updated ${updatedAt}`,
    ...(origin === 'rest' ? [] : [`origin ${origin}`]),
    ...(forkedFrom === null ? [] : [`forked from ${forkedFrom.sessionId} at ${forkedFrom.messageId}`]),
    `${messageCount} messages`,
    `${usage.totalTokens} tokens`,
    `$${cost}`,
  ];
  return `# ${literal(title)}\n\n${facts.join(' · ')}\n`;
}

/** Starts with an empty line. */
export function messageAsMarkdown(message: Message): string {
  const { role, content, reasoning, tool, createdAt, parts = [] } = message;
  if (tool === undefined) {
    const who = role === 'user' ? 'User' : 'Agent';
    const blocks = [
      ...(reasoning === undefined ? [] : ['Reasoning:', prose(reasoning)]),
      ...(reasoning !== undefined && content !== '' ? ['Answer:'] : []),
      ...(reasoning !== undefined && content === '' ? [] : [prose(content)]),
      ...parts.map(partAsMarkdown),
    ];
    return `\n## ${who} · ${createdAt}\n\n${blocks.join('\n\n')}\n`;
  }
  const params = fenced(JSON.stringify(tool.params, undefined, 2) ?? '', 'json');
  const what = tool.isError ? 'failed' : 'gave';
  return `\n## Tool ${codeSpan(tool.name)} · ${createdAt}\n\n${params}\n\n${what}:\n\n${fenced(content, '')}\n${parts.map((part) => `\n${partAsMarkdown(part)}\n`).join('')}`;
}

/** The bytes stay in the store; the id leads to them. */
function partAsMarkdown({ type, text = '', name = '', mediaType, size = 0, fileId = '' }: Part): string {
  if (type === 'text') return prose(text);
  return `${type === 'image' ? 'Image' : 'File'} ${codeSpan(name)} (${mediaType}, ${size} bytes, ${codeSpan(fileId)})`;
}

function prose(text: string): string {
  return mayReachOut(text) ? fenced(text, 'markdown') : quoted(text);
}

/** A block quote: a heading in it is not one of the document, and an open fence ends with it. */
function quoted(text: string): string {
  return linesOf(text)
    .map((line) => (line === '' ? '>' : `> ${line}`))
    .join('\n');
}

/** Only a fence at least as long closes a fence (§4.5). */
function fenced(text: string, language: string): string {
  const fence = '`'.repeat(Math.max(3, longestRun(text) + 1));
  return `${fence}${language}\n${text}\n${fence}`;
}

/** A code span ends at a run of backticks as long as the opening one (§6.1). */
function codeSpan(text: string): string {
  const line = onOneLine(text);
  const run = '`'.repeat(longestRun(line) + 1);
  const space = /^`|`$|^$/.test(line) ? ' ' : '';
  return `${run}${space}${line}${space}${run}`;
}

/** One line of literal text (§2.4). */
function literal(text: string): string {
  return onOneLine(text).replaceAll(/[\\`*_{}[\]<>#|~&!]/g, '\\$&');
}

/**
 * True if the text may contain a tag or a link reference definition outside of code. A tag can close the quote, and a
 * definition (§4.7) applies to the whole document. False positives are harmless: the text is then shown as code.
 */
function mayReachOut(text: string): boolean {
  let open = '';
  for (const line of linesOf(text)) {
    if (open !== '') {
      const [, indent = '', fence = ''] = /^([ \t]*)(`+|~+)[ \t]*$/.exec(line) ?? [];
      if (!fence.startsWith(open)) continue;
      // The width of a tab depends on its column.
      if (indent.includes('\t')) return true;
      if (indent.length <= 3) open = '';
      continue;
    }
    // At the start of a line, followed by a language at most: this is a fence, unless an HTML block is open.
    const begins = /^(`{3,}|~{3,})[\w+#.-]*$/.exec(line)?.[1];
    if (begins !== undefined) open = begins;
    // In a list or a quote, it is hard to tell what a fence opens or closes.
    else if (/`{3}|~{3}|<[a-z/!?]|\]:/i.test(line)) return true;
  }
  return false;
}

function linesOf(text: string): readonly string[] {
  return text.split(/\r\n|\r|\n/);
}

function longestRun(text: string): number {
  let longest = 0;
  for (const [run] of text.matchAll(/`+/g)) longest = Math.max(longest, run.length);
  return longest;
}

function onOneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
