// Results of tools as MCP content.

import type { CallToolResult } from '@modelcontextprotocol/server';
import type { CodeBuddyError } from '../base/errors.ts';
import { isRecord } from '../base/is-record.ts';

/** A value as text for the model and, if it is an object, as data for the client. */
export function jsonResult(value: unknown): CallToolResult {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'null');
  return { content: [{ type: 'text', text }], ...(isRecord(value) ? { structuredContent: value } : {}) };
}

/** Text for the model, and data for the client. */
export function textResult(text: string, data: Record<string, unknown>): CallToolResult {
  return { content: [{ type: 'text', text }], structuredContent: data };
}

/** A failed call, which the model can read. */
export function errorResult({ code, message }: CodeBuddyError): CallToolResult {
  return { content: [{ type: 'text', text: `${message} (${code})` }], isError: true };
}
