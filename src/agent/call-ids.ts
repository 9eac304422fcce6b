// Ids of tool calls. Each call gets a new id, since providers reject the ids of others: OpenAI takes at most 40
// characters, Mistral exactly 9 letters and digits, Anthropic no id twice in a request, and local servers start with
// `call_0` in each answer.

import { createHash } from 'node:crypto';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const length = 9;

/** Nine letters and digits derived from `seed`: the same seed gives the same id, unless it is taken. */
export function makeCallId(seed: string, isTaken: (id: string) => boolean): string {
  for (let salt = 0; ; salt++) {
    const hash = createHash('sha256').update(`${seed} ${salt}`).digest();
    let id = '';
    for (let i = 0; i < length; i++) id += alphabet[(hash[i] as number) % alphabet.length];
    if (!isTaken(id)) return id;
  }
}
