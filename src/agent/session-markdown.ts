// A session and its messages as CommonMark. Nothing in a message can break out of its place: no heading, no HTML and no link target that
// it brings along is one of the document. https://spec.commonmark.org/0.31.2/

import type { Message } from '../contract/message.ts';
import type { Session } from '../contract/session.ts';

export function sessionAsMarkdown(session: Session): string {
  const { id, title, model, createdAt, updatedAt, messageCount, cost, usage, forkedFrom } = session;
  const facts = [
    id,
    model === null ? 'no model' : codeSpan(model),
    `created ${createdAt}`,
    `updated ${updatedAt}`,
    ...(forkedFrom === null ? [] : [`forked from ${forkedFrom.sessionId} at ${forkedFrom.messageId}`]),
    `${messageCount} messages`,
    `${usage.totalTokens} tokens`,
    `$${cost}`,
  ];
  return `# ${literal(title)}\n\n${facts.join(' · ')}\n`;
}

/** Begins with an empty line. */
export function messageAsMarkdown({ role, content, tool, createdAt }: Message): string {
  if (tool === undefined) {
    const who = role === 'user' ? 'User' : 'Agent';
    const text = mayReachOut(content) ? fenced(content, 'markdown') : quoted(content);
    return `\n## ${who} · ${createdAt}\n\n${text}\n`;
  }
  const params = fenced(JSON.stringify(tool.params, undefined, 2) ?? '', 'json');
  const what = tool.isError ? 'failed' : 'gave';
  return `\n## Tool ${codeSpan(tool.name)} · ${createdAt}\n\n${params}\n\n${what}:\n\n${fenced(content, '')}\n`;
}

/** A quote: a line that looks like a heading of ours is none in there, and a fence that is left open ends with it. */
function quoted(text: string): string {
  return linesOf(text)
    .map((line) => (line === '' ? '>' : `> ${line}`))
    .join('\n');
}

/** A fence is closed only by one at least as long (§4.5). */
function fenced(text: string, language: string): string {
  const fence = '`'.repeat(Math.max(3, longestRun(text) + 1));
  return `${fence}${language}\n${text}\n${fence}`;
}

/** §6.1: a code span ends at a run of backticks as long as the one it began with. */
function codeSpan(text: string): string {
  const line = onOneLine(text);
  const run = '`'.repeat(longestRun(line) + 1);
  const space = /^`|`$|^$/.test(line) ? ' ' : '';
  return `${run}${space}${line}${space}${run}`;
}

/** On one line, with nothing in it that Markdown would obey (§2.4). */
function literal(text: string): string {
  return onOneLine(text).replaceAll(/[\\`*_{}[\]<>#|~&!]/g, '\\$&');
}

/**
 * Outside of code, might it hold a tag, or the target of a reference? Those reach out of a quote: a tag can close it, a target (§4.7) is
 * one for the whole document. Rather once too often: such a text is shown as it was written.
 */
function mayReachOut(text: string): boolean {
  let open = '';
  for (const line of linesOf(text)) {
    if (open !== '') {
      const [, indent = '', fence = ''] = /^([ \t]*)(`+|~+)[ \t]*$/.exec(line) ?? [];
      if (!fence.startsWith(open)) continue;
      // How wide a tab is depends on where it stands.
      if (indent.includes('\t')) return true;
      if (indent.length <= 3) open = '';
      continue;
    }
    // At the beginning of a line, with no more than a language: nothing but an open block of HTML could keep that from being a fence.
    const begins = /^(`{3,}|~{3,})[\w+#.-]*$/.exec(line)?.[1];
    if (begins !== undefined) open = begins;
    // Elsewhere, in a list or a quote, it is not so easy to tell what it opens or closes.
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
