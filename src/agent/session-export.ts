// A whole session as one document: JSON for programs, Markdown for people. Nothing in a message can break out of its place in the Markdown.

import type { Message, Session } from './types.ts';

export interface ExportedSession {
  /** ASCII, safe as a file name. */
  readonly filename: string;
  readonly mediaType: string;
  readonly text: string;
}

export function exportAsJson(
  session: Session,
  messages: readonly Message[],
  facts: { readonly exportedAt: string; readonly version: string },
): ExportedSession {
  return {
    filename: `${nameOf(session)}.json`,
    mediaType: 'application/json; charset=utf-8',
    text: JSON.stringify({ session, messages, ...facts }),
  };
}

export function exportAsMarkdown(session: Session, messages: readonly Message[]): ExportedSession {
  const { id, title, model, createdAt, cost, usage } = session;
  const facts = [
    id,
    model ?? 'no model',
    `created ${createdAt}`,
    `${messages.length} messages`,
    `${usage.totalTokens} tokens`,
    `$${cost}`,
  ];
  const parts = [`# ${onOneLine(title)}`, facts.join(' · '), ...messages.map(asMarkdown)];
  return {
    filename: `${nameOf(session)}.md`,
    mediaType: 'text/markdown; charset=utf-8',
    text: `${parts.join('\n\n')}\n`,
  };
}

function asMarkdown({ role, content, tool, createdAt }: Message): string {
  if (tool === undefined) {
    const who = role === 'user' ? 'User' : 'Agent';
    return `## ${who} · ${createdAt}\n\n${quoted(content)}`;
  }
  const what = tool.isError ? 'failed' : 'gave';
  const params = fenced(JSON.stringify(tool.params, undefined, 2), 'json');
  return `## Tool \`${tool.name}\` · ${createdAt}\n\n${params}\n\n${what}:\n\n${fenced(content, '')}`;
}

/** A quote: a line that looks like a heading of ours is none in there. */
function quoted(text: string): string {
  return text
    .split(/\r\n|\r|\n/)
    .map((line) => (line === '' ? '>' : `> ${line}`))
    .join('\n');
}

/** CommonMark §4.5: a fence is closed by one at least as long. */
function fenced(text: string, language: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
}

function onOneLine(title: string): string {
  return title.replaceAll(/\s+/g, ' ').trim();
}

function nameOf({ id, title }: Session): string {
  const words = title
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 60);
  return words === '' ? id : `${words}-${id.slice(-6).toLowerCase()}`;
}
