// Rate limit for wrong API keys, per address: 429 after too many. A valid key is never refused, because all local
// clients share one address, and guessing a 256-bit key is hopeless at any rate.

import { networkOf } from './network-of.ts';

const windowMs = 60_000;
/** Addresses remembered. Any more replace the oldest. */
const maxAddresses = 10_000;

interface Tries {
  readonly endsAt: number;
  /** Attempts by fingerprint of the wrong key. At most `limit` entries. */
  readonly wrongKeys: Map<string, number>;
}

export class FailedTries {
  private readonly limit: number;
  private readonly byAddress = new Map<string, Tries>();

  /** @param limit different wrong keys, and attempts with the same wrong key, per minute and address */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** Records a wrong key. Returns the seconds to wait if the limit is exceeded, else 0. */
  failed(address: string | undefined, fingerprint: string, now: number): number {
    const network = networkOf(address);
    let tries = this.byAddress.get(network);
    if (tries === undefined || now >= tries.endsAt) {
      // Deleted first to keep the map in the order of the windows.
      this.byAddress.delete(network);
      if (this.byAddress.size >= maxAddresses) this.forgetOldest();
      tries = { endsAt: now + windowMs, wrongKeys: new Map() };
      this.byAddress.set(network, tries);
    }
    const count = (tries.wrongKeys.get(fingerprint) ?? 0) + 1;
    const isKnown = count > 1;
    // Not stored over the limit: a flood of guesses must not fill the memory.
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
