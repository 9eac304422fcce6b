// Fills in templates. A field that the call does not have is an error, never an empty text.

import { shorten } from '../base/text.ts';
import { visibleJson } from '../base/visible-text.ts';
import type { Call } from './call.ts';
import { type CallField, isCallField, type Template, valueAt } from './template.ts';

const longestShown = 2000;

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

function quoted(value: unknown): string {
  const shown = typeof value === 'string' ? shorten(value, longestShown) : value;
  return shorten(visibleJson(JSON.stringify(shown)), 2 * longestShown);
}
