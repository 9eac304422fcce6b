// The webhooks there are, kept in webhooks.json. Edits by hand are taken up while running; one that makes no sense is set aside and said
// loudly, and what was in force stays in force.

import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { CodeBuddyError } from '../errors.ts';
import { jsonFault } from '../redaction.ts';
import { type FileContent, readRegistryFile, setAside, writeRegistryFile } from './registry-file.ts';
import { toFileEntry, type WebhookConfig } from './webhook-config.ts';

export interface RegistryOptions {
  /** webhooks.json; undefined keeps the registry in memory alone. */
  readonly path: string | undefined;
  /** Checks one entry. @throws CodeBuddyError `validation_failed` */
  readonly parse: (entry: unknown) => WebhookConfig;
  /** The last good state, from the store: used when the file is unusable at the start. */
  readonly lastGood: string | undefined;
  /** Keeps the last good state. */
  readonly keep: (text: string) => void;
  /** An edit by hand has changed the set. */
  readonly onChange: (webhooks: ReadonlyMap<string, WebhookConfig>) => void;
  readonly warn: (message: string) => void;
}

export interface Registry {
  all(): ReadonlyMap<string, WebhookConfig>;
  /** Adds or replaces. Durable when it returns. @throws what the disk says; nothing is changed then */
  put(config: WebhookConfig): void;
  remove(id: string): void;
  close(): void;
}

/** An editor writes in several steps. */
const settleMs = 50;

export function openRegistry({ path, parse, lastGood, keep, onChange, warn }: RegistryOptions): Registry {
  let webhooks: ReadonlyMap<string, WebhookConfig> = new Map();
  /** What the file holds as far as we know. */
  let known: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  let watcher: FSWatcher | undefined;

  function serialize(set: ReadonlyMap<string, WebhookConfig>): Record<string, unknown>[] {
    return [...set.values()].map(toFileEntry);
  }

  function save(set: ReadonlyMap<string, WebhookConfig>): void {
    // Someone may have edited it in the last moment: theirs is taken up first, and must not be lost.
    if (path !== undefined) known = writeRegistryFile(path, serialize(set));
    webhooks = set;
    keep(JSON.stringify(serialize(set)));
  }

  /** Takes the file as it is; gives whether the set has changed. */
  function take(content: FileContent): boolean {
    if (path === undefined) return false;
    if (content.kind === 'missing') {
      if (known === undefined) return false;
      warn(`${path} was removed; it is written again. Remove webhooks one by one, or stop the server first.`);
      known = writeRegistryFile(path, serialize(webhooks));
      return false;
    }
    if (content.kind === 'text') {
      if (content.text === known) return false;
      if (content.wasPublic) warn(`${path} could be read by others; it holds secrets, so that was changed`);
      const parsed = parseFile(content.text, parse);
      if (parsed.kind === 'webhooks') {
        known = content.text;
        webhooks = parsed.webhooks;
        keep(JSON.stringify(serialize(webhooks)));
        return true;
      }
      refuse(parsed.reason);
      return false;
    }
    refuse(content.reason);
    return false;
  }

  function refuse(reason: string): void {
    if (path === undefined) return;
    const aside = setAside(path, Date.now());
    warn(
      `${path} cannot be used: ${reason}. It was moved to ${aside}; the ${webhooks.size} webhooks that were in force stay in force.`,
    );
    known = writeRegistryFile(path, serialize(webhooks));
  }

  function check(): void {
    if (path === undefined) return;
    try {
      if (take(readRegistryFile(path))) onChange(webhooks);
    } catch (error) {
      warn(`${path} cannot be read: ${(error as Error).message}; what was in force stays in force`);
    }
  }

  if (path !== undefined) {
    const content = readRegistryFile(path);
    if (content.kind !== 'missing') {
      // What an unusable file falls back to.
      if (lastGood !== undefined) webhooks = fromLastGood(lastGood, parse);
      take(content);
    }
    // The folder, not the file: whoever saves by renaming would leave us watching the old one.
    try {
      watcher = watch(dirname(path), { persistent: false }, (_event, name) => {
        if (name !== null && name !== basename(path)) return;
        clearTimeout(timer);
        timer = setTimeout(check, settleMs);
        timer.unref();
      });
      watcher.on('error', (error) => warn(`${path} is no longer watched: ${error.message}`));
    } catch (error) {
      // The system has too few watches left; the file is still read before each change.
      warn(`${path} is not watched: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  return {
    all: () => webhooks,
    put(config) {
      check();
      save(new Map(webhooks).set(config.id, config));
    },
    remove(id) {
      check();
      const rest = new Map(webhooks);
      rest.delete(id);
      save(rest);
    },
    close() {
      clearTimeout(timer);
      watcher?.close();
    },
  };
}

type ParsedFile =
  | { readonly kind: 'webhooks'; readonly webhooks: ReadonlyMap<string, WebhookConfig> }
  | { readonly kind: 'refused'; readonly reason: string };

function parseFile(text: string, parse: (entry: unknown) => WebhookConfig): ParsedFile {
  if (text.trim() === '') return { kind: 'refused', reason: 'it is empty' };
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    return { kind: 'refused', reason: `it is not JSON (${jsonFault(error)})` };
  }
  // A bare list, as the first version of this API wrote it, is fine too.
  const list = Array.isArray(content)
    ? content
    : typeof content === 'object' && content !== null && Object.keys(content).join() === 'webhooks'
      ? (content as { webhooks: unknown }).webhooks
      : undefined;
  if (!Array.isArray(list)) return { kind: 'refused', reason: 'it must hold {"webhooks": [...]}' };
  const webhooks = new Map<string, WebhookConfig>();
  for (const [index, entry] of list.entries()) {
    let config: WebhookConfig;
    try {
      if (typeof entry !== 'object' || entry === null || !Object.hasOwn(entry, 'id'))
        return { kind: 'refused', reason: `webhook ${index} has no id` };
      config = parse(entry);
    } catch (error) {
      if (!(error instanceof CodeBuddyError)) throw error;
      return { kind: 'refused', reason: `webhook ${index}: ${error.message}` };
    }
    if (webhooks.has(config.id)) return { kind: 'refused', reason: `two webhooks have the id ${config.id}` };
    webhooks.set(config.id, config);
  }
  return { kind: 'webhooks', webhooks };
}

/** Written by us; what a later release of the rules refuses is left out. */
function fromLastGood(
  text: string,
  parse: (entry: unknown) => WebhookConfig,
): ReadonlyMap<string, WebhookConfig> {
  const parsed = parseFile(text, parse);
  return parsed.kind === 'webhooks' ? parsed.webhooks : new Map();
}
