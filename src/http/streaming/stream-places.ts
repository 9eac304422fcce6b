// The places for readers of server-sent events. They are counted in all and by key, so that no key takes them all.

import { CodeBuddyError } from '../../base/errors.ts';

export interface StreamPlaces {
  /** @throws CodeBuddyError `too_many_connections` if there is no place for one more reader */
  requirePlace(keyId: string | null): void;
  /** Takes a place; call what it returns, once, when the reader has gone. */
  take(keyId: string | null): () => void;
}

export interface StreamLimits {
  readonly maxStreams: number;
  readonly maxStreamsPerKey: number;
}

export function makeStreamPlaces({ maxStreams, maxStreamsPerKey }: StreamLimits): StreamPlaces {
  const takenByKey = new Map<string, number>();
  let taken = 0;

  function requirePlace(keyId: string | null): void {
    const ofKey = keyId === null ? 0 : (takenByKey.get(keyId) ?? 0);
    if (taken < maxStreams && ofKey < maxStreamsPerKey) return;
    throw new CodeBuddyError(
      'too_many_connections',
      taken < maxStreams
        ? `This key has ${ofKey} stream readers, which is all that one key may have; close one or try again soon.`
        : `All ${maxStreams} places for stream readers are taken; try again soon.`,
      { headers: { 'Retry-After': '5' } },
    );
  }

  return {
    requirePlace,
    take(keyId) {
      requirePlace(keyId);
      taken++;
      if (keyId !== null) takenByKey.set(keyId, (takenByKey.get(keyId) ?? 0) + 1);
      return () => {
        taken--;
        if (keyId === null) return;
        const left = (takenByKey.get(keyId) ?? 0) - 1;
        if (left > 0) takenByKey.set(keyId, left);
        else takenByKey.delete(keyId);
      };
    },
  };
}
