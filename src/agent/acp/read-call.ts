// Reads what an agent says about a tool call. Every field may be missing or wrong: a field that cannot be read counts as
// not sent.

import { isRecord } from '../../base/is-record.ts';

export type CallKind =
  | 'read'
  | 'edit'
  | 'delete'
  | 'move'
  | 'search'
  | 'execute'
  | 'think'
  | 'fetch'
  | 'other';
export type CallStatus = 'pending' | 'in_progress' | 'completed' | 'failed';

export interface Diff {
  readonly path: string;
  /** Undefined for a new file. */
  readonly oldText: string | undefined;
  readonly newText: string;
}

/** The facts of a tool call. */
export interface CallFacts {
  readonly id: string;
  readonly title: string;
  /** The agent's name of its tool, if it says it. */
  readonly name: string | undefined;
  readonly kind: CallKind;
  readonly status: CallStatus;
  readonly input: Readonly<Record<string, unknown>>;
  readonly output: unknown;
  /** The text of its content. */
  readonly text: string;
  readonly diffs: readonly Diff[];
  /** The files that it is about. */
  readonly paths: readonly string[];
}

export function unknownCall(id: string): CallFacts {
  return {
    id,
    title: '',
    name: undefined,
    kind: 'other',
    status: 'pending',
    input: {},
    output: undefined,
    text: '',
    diffs: [],
    paths: [],
  };
}

const kinds: readonly CallKind[] = [
  'read',
  'edit',
  'delete',
  'move',
  'search',
  'execute',
  'think',
  'fetch',
  'other',
];
const statuses: readonly CallStatus[] = ['pending', 'in_progress', 'completed', 'failed'];

/** The call after an update: a field that is sent replaces what was known. */
export function withUpdate(call: CallFacts, update: Readonly<Record<string, unknown>>): CallFacts {
  const { title, name, kind, status, rawInput, rawOutput, content, locations } = update;
  return {
    ...call,
    ...(typeof title === 'string' ? { title } : {}),
    ...(typeof name === 'string' && name !== '' ? { name } : {}),
    ...(kinds.some((one) => one === kind) ? { kind: kind as CallKind } : {}),
    ...(statuses.some((one) => one === status) ? { status: status as CallStatus } : {}),
    // Some agents send an empty input first, and repeat it empty at the end.
    ...(isRecord(rawInput) && Object.keys(rawInput).length > 0 ? { input: rawInput } : {}),
    ...(rawOutput === undefined || rawOutput === null ? {} : { output: rawOutput }),
    ...(Array.isArray(content) ? readContent(content, call) : {}),
    ...(Array.isArray(locations)
      ? { paths: locations.filter(isRecord).flatMap(({ path }) => textOf(path)) }
      : {}),
  };
}

function readContent(content: readonly unknown[], before: CallFacts): Pick<CallFacts, 'text' | 'diffs'> {
  const parts = content.filter(isRecord);
  const diffs = parts.flatMap((part): Diff[] => {
    const { type, path, oldText, newText } = part;
    if (type !== 'diff' || typeof path !== 'string' || typeof newText !== 'string') return [];
    return [{ path, oldText: typeof oldText === 'string' ? oldText : undefined, newText }];
  });
  const texts = parts.flatMap(({ type, content: block }) => (type === 'content' ? textOfBlock(block) : []));
  // The result of an edit often replaces the diff that was shown before.
  return { text: texts.join('\n'), diffs: diffs.length === 0 ? before.diffs : diffs };
}

/** The text of a content block. Images and audio are named by their kind. */
export function textOfBlock(block: unknown): readonly string[] {
  if (!isRecord(block)) return [];
  switch (block.type) {
    case 'text':
      return textOf(block.text);
    case 'resource_link':
      return textOf(block.uri);
    case 'resource':
      return isRecord(block.resource) ? textOf(block.resource.text) : [];
    case 'image':
    case 'audio':
      return [`[${block.type}]`];
    default:
      return [];
  }
}

function textOf(value: unknown): readonly string[] {
  return typeof value === 'string' && value !== '' ? [value] : [];
}
