// The brake on guessing keys, by address. Different wrong keys are guesses: too many, and nothing from that address is
// compared any more, so the right key cannot be found by going on. One wrong key again and again (a script with an old key)
// is no guess: it is told to slow down, but locks nobody out who shares its address.

const windowMs = 60_000;
/** Addresses remembered; beyond, the oldest are forgotten. */
const maxAddresses = 10_000;

interface Tries {
  readonly endsAt: number;
  /** Short fingerprint of a wrong key, and how often it came. */
  readonly wrongKeys: Map<string, number>;
}

export class FailedTries {
  private readonly limit: number;
  private readonly byAddress = new Map<string, Tries>();

  /** `limit`: tries per minute and address. */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** Seconds to wait if this address has guessed too often, else 0. */
  lockedFor(address: string | undefined, now: number): number {
    if (this.byAddress.size === 0) return 0;
    const tries = this.current(networkOf(address), now);
    return tries !== undefined && tries.wrongKeys.size >= this.limit ? secondsUntil(tries.endsAt, now) : 0;
  }

  /** Notes a wrong key; gives the seconds to wait if this is one try too many, else 0. */
  failed(address: string | undefined, fingerprint: string, now: number): number {
    const network = networkOf(address);
    let tries = this.current(network, now);
    if (tries === undefined) {
      if (this.byAddress.size >= maxAddresses) this.forgetOldest();
      tries = { endsAt: now + windowMs, wrongKeys: new Map() };
      this.byAddress.set(network, tries);
    }
    const count = (tries.wrongKeys.get(fingerprint) ?? 0) + 1;
    tries.wrongKeys.set(fingerprint, count);
    return count > this.limit ? secondsUntil(tries.endsAt, now) : 0;
  }

  private current(network: string, now: number): Tries | undefined {
    const tries = this.byAddress.get(network);
    if (tries === undefined || now < tries.endsAt) return tries;
    this.byAddress.delete(network);
    return undefined;
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

/** One household has one /64: an IPv6 address counts by its first four groups. */
function networkOf(address: string | undefined): string {
  if (address === undefined) return '';
  if (!address.includes(':') || address.startsWith('::ffff:')) return address;
  const head = address.split('::')[0] as string;
  return `${head.split(':').slice(0, 4).join(':')}::/64`;
}
