// Converts an MCP tool result for callers: all text as one string, one line for each image, link or recording, cut to a
// limit.

import type { CallToolResult, ContentBlock } from '@modelcontextprotocol/client';
import { capText } from '../tools/cap-output.ts';

export interface McpCallResult {
  readonly content: string;
  /** The server's `structuredContent`; left out if it takes more than half of the limit. */
  readonly structured?: unknown;
  readonly truncated?: true;
}

export function shapeResult(result: CallToolResult, maxBytes: number): McpCallResult {
  const { structuredContent: structured } = result;
  const text = contentText(result);
  if (structured === undefined) return capped(text, maxBytes);
  const json = JSON.stringify(structured);
  const bytes = Buffer.byteLength(json);
  if (bytes <= maxBytes / 2) return { ...capped(text, maxBytes - bytes), structured };
  // Servers should repeat the content as text (MCP 2025-11-25, tools, structured content); not all do.
  return { ...capped(text === '' ? json : text, maxBytes), truncated: true };
}

/** The whole content of a result as text. */
export function contentText(result: CallToolResult): string {
  return result.content.map(blockText).join('\n');
}

function capped(text: string, maxBytes: number): McpCallResult {
  const { text: content, truncated } = capText(text, maxBytes);
  return truncated ? { content, truncated } : { content };
}

function blockText(block: ContentBlock): string {
  switch (block.type) {
    case 'text':
      return block.text;
    case 'image':
    case 'audio':
      return line(block.type, block.mimeType, `${base64Bytes(block.data)} bytes`);
    case 'resource_link':
      return line('link', block.uri, block.name, block.mimeType, block.description);
    case 'resource': {
      const { uri, mimeType } = block.resource;
      if ('blob' in block.resource)
        return line('resource', uri, mimeType, `${base64Bytes(block.resource.blob)} bytes`);
      // Some servers return files only in this form: without the text, the result would be empty.
      return `${line('resource', uri, mimeType)}\n${block.resource.text}`;
    }
  }
}

/** Always one line, for any details. */
function line(what: string, ...details: readonly (string | undefined)[]): string {
  const said = details
    .filter((detail) => detail !== undefined && detail !== '')
    .map((detail) =>
      capText((detail as string).replaceAll(/[\s\p{Cc}]+/gu, ' '), 500).text.replaceAll('\n', ' '),
    );
  return `[${what}: ${said.join(', ')}]`;
}

function base64Bytes(text: string): number {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  return Math.max(0, Math.floor((text.length * 3) / 4) - padding);
}
