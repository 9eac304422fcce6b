// Google's format of a tool call: whole, or with streamed arguments as on Vertex AI, leaf by leaf with the JSON path of
// each. https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling#streaming-fc

import { type CompleteToolCall, inPieces } from './model-server-wire.ts';

export function wholeCall(call: CompleteToolCall): object {
  return { functionCall: { id: call.id, name: call.name, args: call.arguments ?? {} } };
}

/** The parts of a call, each for its own delta. */
export function* callParts(call: CompleteToolCall): Generator<object> {
  const leaves = call.pieces > 1 ? leavesOf(call.arguments, '$') : undefined;
  if (leaves === undefined || leaves.length === 0) {
    yield wholeCall(call);
    return;
  }
  const longest = leaves.reduce((most, leaf) => (lengthOf(leaf) > lengthOf(most) ? leaf : most));
  yield { functionCall: { id: call.id, name: call.name, willContinue: true } };
  for (const leaf of leaves) {
    // The longest text takes the pieces that the other leaves do not need.
    const pieces = leaf === longest ? call.pieces - leaves.length + 1 : 1;
    for (const arg of partialArgs(leaf, pieces)) {
      yield { functionCall: { partialArgs: [arg], willContinue: true } };
    }
  }
  yield { functionCall: {} };
}

interface Leaf {
  readonly jsonPath: string;
  readonly value: string | number | boolean | null;
}

function lengthOf({ value }: Leaf): number {
  return typeof value === 'string' ? value.length : 0;
}

function partialArgs({ jsonPath, value }: Leaf, pieces: number): readonly object[] {
  if (value === null) return [{ jsonPath, nullValue: 'NULL_VALUE' }];
  if (typeof value === 'number') return [{ jsonPath, numberValue: value }];
  if (typeof value === 'boolean') return [{ jsonPath, boolValue: value }];
  const texts = inPieces(value, Math.max(1, pieces));
  return texts.map((stringValue, index) => ({
    jsonPath,
    stringValue,
    ...(index < texts.length - 1 ? { willContinue: true } : {}),
  }));
}

/**
 * Empty for arguments without paths: text in the place of JSON, empty lists and objects, names with dots or brackets.
 */
function leavesOf(value: unknown, jsonPath: string): readonly Leaf[] | undefined {
  if (jsonPath !== '$' && isLeafValue(value)) return [{ jsonPath, value }];
  if (typeof value !== 'object' || value === null) return undefined;
  const entries = Object.entries(value);
  if (entries.length === 0) return undefined;
  const leaves: Leaf[] = [];
  for (const [name, child] of entries) {
    if (/[.[\]]/.test(name)) return undefined;
    const below = leavesOf(child, Array.isArray(value) ? `${jsonPath}[${name}]` : `${jsonPath}.${name}`);
    if (below === undefined) return undefined;
    leaves.push(...below);
  }
  return leaves;
}

function isLeafValue(value: unknown): value is Leaf['value'] {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}
