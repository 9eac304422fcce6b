// Arguments as the first version took them: they work where they mean the same thing now, and are refused with a TypeError that says what to write
// where they do not.

import { basename, dirname } from 'node:path';

/** @throws TypeError if it is no id, as the promise of one */
export function checkId(method: string, id: unknown): asserts id is string {
  if (typeof id === 'string') return;
  const isPromise = typeof id === 'object' && id !== null && 'then' in id;
  const what = isPromise
    ? 'a promise: write await webhooks.register(…)'
    : `${id === null ? 'null' : `of the type ${typeof id}`}`;
  throw new TypeError(`${method}: the id must be a string; it is ${what}`);
}

/** The first version took the path of its `webhooks.json`. @throws TypeError for another path */
export function homeOfConfigPath(path: string): string {
  if (basename(path) === 'webhooks.json') return dirname(path);
  throw new TypeError(
    `new WebhookManager(${JSON.stringify(path)}): write new WebhookManager({ home: FOLDER }); webhooks.json is kept in that folder`,
  );
}

/** @throws TypeError for a name that events cannot have */
export function checkEventTypes(eventTypes: readonly string[] | undefined, known: readonly string[]): void {
  if (eventTypes === undefined) return;
  if (!Array.isArray(eventTypes)) throw new TypeError('eventTypes must be a list of event types');
  for (const type of eventTypes) {
    const name = JSON.stringify(type);
    if (
      typeof type !== 'string' ||
      !/^[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$/.test(type) ||
      type.length > 64
    )
      throw new TypeError(
        `eventTypes: ${name} must be words of letters, digits, _ and -, with dots between them, as 'deploy.finished'; 64 characters at most`,
      );
    if (known.includes(type))
      throw new TypeError(`eventTypes: ${name} is an event type already; leave it out`);
    if (type.startsWith('webhook.'))
      throw new TypeError(`eventTypes: ${name}: the types 'webhook.*' are the library's own`);
  }
}
