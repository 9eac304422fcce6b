// The requests and prompts that a key has left, in memory. The `RateLimit` headers show them:
// https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/

import { CodeBuddyError } from '../base/errors.ts';
import type { KeyLimits } from '../contract/api-key.ts';
import { TokenBucket } from './token-bucket.ts';

export class KeyRates {
  readonly #clock: () => number;
  #requests: TokenBucket | undefined;
  #prompts: TokenBucket | undefined;
  #policy = '';

  constructor(limits: KeyLimits, clock: () => number) {
    this.#clock = clock;
    this.change(limits);
  }

  change({ requestsPerMinute, promptsPerMinute }: KeyLimits): void {
    this.#requests = this.#changed(this.#requests, requestsPerMinute);
    this.#prompts = this.#changed(this.#prompts, promptsPerMinute);
    this.#policy = this.#named((bucket) => `q=${bucket.perMinute};w=60`);
  }

  /** Counts a request. @throws CodeBuddyError `key_limit_reached` */
  takeRequest(): void {
    if (this.#requests?.take() === false) throw limitReached(this.#requests, 'request', 'requestsPerMinute');
  }

  /** Counts a prompt. @throws CodeBuddyError `key_limit_reached` */
  takePrompt(): void {
    if (this.#prompts?.take() === false) throw limitReached(this.#prompts, 'prompt', 'promptsPerMinute');
  }

  /** The prompt has not started a run. */
  giveBackPrompt(): void {
    this.#prompts?.giveBack();
  }

  /** Name, value, name, value. */
  headers(): readonly string[] {
    const left = this.#named((bucket) => {
      const { tokens, seconds } = bucket.left();
      return `r=${tokens};t=${seconds}`;
    });
    return ['RateLimit-Policy', this.#policy, 'RateLimit', left];
  }

  #changed(bucket: TokenBucket | undefined, perMinute: number | undefined): TokenBucket | undefined {
    if (perMinute === undefined) return undefined;
    if (bucket === undefined) return new TokenBucket(perMinute, this.#clock);
    if (bucket.perMinute !== perMinute) bucket.resize(perMinute);
    return bucket;
  }

  /** A list of structured fields: an item for each limit. */
  #named(parametersOf: (bucket: TokenBucket) => string): string {
    const items: string[] = [];
    if (this.#requests !== undefined) items.push(`"requests";${parametersOf(this.#requests)}`);
    if (this.#prompts !== undefined) items.push(`"prompts";${parametersOf(this.#prompts)}`);
    return items.join(', ');
  }
}

function limitReached(bucket: TokenBucket, what: string, limit: keyof KeyLimits): CodeBuddyError {
  const { seconds } = bucket.left();
  return new CodeBuddyError(
    'key_limit_reached',
    `This API key may send ${bucket.perMinute} ${what}${bucket.perMinute === 1 ? '' : 's'} per minute (limits.${limit}). Try again in ${seconds} s.`,
    { headers: { 'Retry-After': String(seconds) } },
  );
}
