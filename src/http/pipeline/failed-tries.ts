// The brake on guessing keys, by address. It only slows down wrong keys: they are answered 429 once there were too many. A right key is
// never refused, since all local clients share one address; guessing a key of 256 bits is hopeless at any rate.

import { networkOf } from './network-of.ts';

const windowMs = 60_000;
/** Addresses remembered; beyond, the oldest are forgotten. */
const maxAddresses = 10_000;

interface Tries {
  readonly endsAt: number;
  /** Short fingerprint of a wrong key, and how often it came. At most `limit` of them. */
  readonly wrongKeys: Map<string, number>;
}

export class FailedTries {
  private readonly limit: number;
  private readonly byAddress = new Map<string, Tries>();

  /** `limit`: different wrong keys, and tries with one of them, per minute and address. */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** Notes a wrong key; gives the seconds to wait if this is one try too many, else 0. */
  failed(address: string | undefined, fingerprint: string, now: number): number {
    const network = networkOf(address);
    let tries = this.byAddress.get(network);
    if (tries === undefined || now >= tries.endsAt) {
      // Deleted first, so that the order of the map is that of the windows.
      this.byAddress.delete(network);
      if (this.byAddress.size >= maxAddresses) this.forgetOldest();
      tries = { endsAt: now + windowMs, wrongKeys: new Map() };
      this.byAddress.set(network, tries);
    }
    const count = (tries.wrongKeys.get(fingerprint) ?? 0) + 1;
    const isKnown = count > 1;
    // Not kept once the limit is reached: a flood of guesses must not fill the memory.
    if (isKnown || tries.wrongKeys.size < this.limit) {
      tries.wrongKeys.set(fingerprint, count);
      if (count <= this.limit) return 0;
    }
    return secondsUntil(tries.endsAt, now);
  }

  private forgetOldest(): void {
    for (const oldest of this.byAddress.keys()) {
      this.byAddress.delete(oldest);
      return;
    }
  }
}

function secondsUntil(endsAt: number, now: number): number {
  return Math.max(1, Math.ceil((endsAt - now) / 1000));
}
