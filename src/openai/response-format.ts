// The form of the answer that a client asks for: `response_format` of chat completions, `text.format` of responses.

import { CodeBuddyError } from '../base/errors.ts';
import { isRecord } from '../base/is-record.ts';
import { fieldName } from '../base/schema-errors.ts';
import type { OutputFormat } from '../contract/output-format.ts';
import { unsupportedParameter } from './invalid-parameter.ts';

/** Where each has the schema. */
const place = { chat: '/response_format/json_schema/schema', responses: '/text/format/schema' } as const;

/** Undefined for text. @throws CodeBuddyError `unsupported_parameter` for a form that this server does not have */
export function outputFormatOf(
  kind: keyof typeof place,
  body: Readonly<Record<string, unknown>>,
): OutputFormat | undefined {
  const given = kind === 'chat' ? body.response_format : isRecord(body.text) ? body.text.format : undefined;
  if (given === undefined || given === null) return undefined;
  const refuse = (message: string): CodeBuddyError =>
    unsupportedParameter(kind === 'chat' ? '/response_format' : '/text', message);
  const type = isRecord(given) ? given.type : undefined;
  if (!isRecord(given) || !(type === 'text' || type === 'json_object' || type === 'json_schema'))
    throw refuse('must have the format "text", "json_object" or "json_schema".');
  if (type === 'text') return undefined;
  if (type === 'json_object') return { type: 'json_schema', schema: { type: 'object' } };
  const described = kind === 'chat' ? given.json_schema : given;
  const schema = isRecord(described) ? described.schema : undefined;
  if (!isRecord(schema)) throw refuse('must have a JSON Schema.');
  const name = isRecord(described) ? described.name : undefined;
  const isName = typeof name === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(name);
  return { type: 'json_schema', schema, ...(isName ? { name } : {}) };
}

/** A fault of the schema, with the place where the client wrote it. */
export function underFormat(kind: keyof typeof place, error: unknown): unknown {
  const own = '/options/format/schema';
  if (!(error instanceof CodeBuddyError) || !error.errors?.some(({ pointer }) => pointer.startsWith(own)))
    return error;
  const to = place[kind];
  return new CodeBuddyError(error.code, error.message.replaceAll(fieldName(own), fieldName(to)), {
    cause: error,
    errors: error.errors.map((one) => ({ ...one, pointer: one.pointer.replace(own, to) })),
  });
}
