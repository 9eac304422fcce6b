// Ids of tool calls. What one provider gives as an id, another refuses: OpenAI takes 40 characters at most, Mistral exactly 9 letters and
// digits, Anthropic none twice in a request, and local servers begin with `call_0` in each answer. So each call gets an id of its own.

import { createHash } from 'node:crypto';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const length = 9;

/** Nine letters and digits, made of `seed`: the same seed gives the same id, unless it is taken. */
export function makeCallId(seed: string, isTaken: (id: string) => boolean): string {
  for (let salt = 0; ; salt++) {
    const hash = createHash('sha256').update(`${seed} ${salt}`).digest();
    let id = '';
    for (let i = 0; i < length; i++) id += alphabet[(hash[i] as number) % alphabet.length];
    if (!isTaken(id)) return id;
  }
}
