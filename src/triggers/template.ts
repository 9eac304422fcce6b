// Templates with named fields: `Review {{pull_request.number}}.` A field that the call does not have is an error, never
// an empty text.

import { shorten } from '../base/text.ts';
import { visibleJson } from '../base/visible-text.ts';
import type { Call } from './call.ts';

export type Template = readonly (string | Field)[];

interface Field {
  readonly path: string;
}

/** About the call, not of the payload. */
export const callFields = ['$event', '$actor', '$branch', '$deliveryId', '$time'] as const;
type CallField = (typeof callFields)[number];

const longestShown = 2000;

/** @throws Error that completes the sentence "/prompt …" */
export function parseTemplate(text: string): Template {
  const parts: (string | Field)[] = [];
  let at = 0;
  while (at < text.length) {
    const start = text.indexOf('{{', at);
    if (start < 0) break;
    const end = text.indexOf('}}', start);
    if (end < 0) throw new Error('has "{{" without "}}"');
    const path = text.slice(start + 2, end).trim();
    if (!/^[^\s{}.]+(?:\.[^\s{}.]+)*$/.test(path))
      throw new Error(`has the field ${JSON.stringify(path)}; a field is a path such as pull_request.number`);
    if (path.startsWith('$') && !isCallField(path))
      throw new Error(`has the field ${path}; the fields about the call are ${callFields.join(', ')}`);
    parts.push(text.slice(at, start), { path });
    at = end + 2;
  }
  parts.push(text.slice(at));
  return parts.filter((part) => part !== '');
}

/** The fields of the payload that a template names. */
export function payloadFields(template: Template): readonly string[] {
  return template.flatMap((part) =>
    typeof part === 'string' || part.path.startsWith('$') ? [] : [part.path],
  );
}

/** The value at a path such as `commits.0.id`; undefined if there is none. Own members only. */
export function valueAt(payload: unknown, path: string): unknown {
  let value = payload;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return value ?? undefined;
}

export class MissingFieldError extends Error {
  readonly path: string;

  constructor(path: string) {
    super(`the field ${path} is missing in the call`);
    this.path = path;
  }
}

/**
 * Fills in a prompt. Text is quoted as in JSON, so that it stays on its line and its end is visible.
 * @throws MissingFieldError
 */
export function fillPrompt(template: Template, call: Call): string {
  return template.map((part) => (typeof part === 'string' ? part : quoted(read(part.path, call)))).join('');
}

/** Fills in a key, which no model reads. @throws MissingFieldError */
export function fillKey(template: Template, call: Call): string {
  return template
    .map((part) => {
      if (typeof part === 'string') return part;
      const value = read(part.path, call);
      return typeof value === 'string' ? value : JSON.stringify(value);
    })
    .join('');
}

function read(path: string, call: Call): unknown {
  const value = isCallField(path) ? ofCall(path, call) : valueAt(call.payload, path);
  if (value === undefined) throw new MissingFieldError(path);
  return value;
}

function ofCall(field: CallField, { facts, receivedAt }: Call): string | undefined {
  switch (field) {
    case '$event':
      return facts.event;
    case '$actor':
      return facts.actor;
    case '$branch':
      return facts.branch;
    case '$deliveryId':
      return facts.deliveryId;
    case '$time':
      return new Date(facts.dueAt ?? receivedAt).toISOString();
  }
}

function isCallField(path: string): path is CallField {
  return callFields.some((field) => field === path);
}

function quoted(value: unknown): string {
  const shown = typeof value === 'string' ? shorten(value, longestShown) : value;
  return shorten(visibleJson(JSON.stringify(shown)), 2 * longestShown);
}
