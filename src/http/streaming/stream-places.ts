// Limits the readers of server-sent events, in total and per API key, so no key can use all places.

import { CodeBuddyError } from '../../base/errors.ts';

export interface StreamPlaces {
  /** Checks that one more reader is allowed. @throws CodeBuddyError `too_many_connections` */
  requirePlace(keyId: string | null): void;
  /**
   * Takes a place. Call the returned function once, when the reader has disconnected.
   * @throws CodeBuddyError `too_many_connections`
   */
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
        ? `This API key already uses its limit of ${ofKey} stream readers. Close one, or try again soon.`
        : `The server already has its limit of ${maxStreams} stream readers. Try again soon.`,
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
