// Uses a webhook's secrets: signs requests, and redacts the secrets from everything that is recorded or logged. Both
// are created on first use, since most webhooks of a large list are idle.

import { createRedactor, type Redactor } from '../base/redaction.ts';
import { secretValues } from './header-rules.ts';
import type { SavedState } from './saved-state.ts';
import { createSigner, type Signer } from './signing.ts';
import type { WebhookConfig } from './webhook-config.ts';

export interface Credentials {
  /** A signer for requests at this time (wall clock, Unix ms); rotated secrets stop signing when their time is over. */
  signerAt(wall: number): Signer;
  /** Redacts the secret and the values of headers that hold credentials. */
  readonly redactor: Redactor;
}

export function createCredentials(
  { secret, headers, legacySignature }: WebhookConfig,
  { previousSecrets, swapLegacy }: SavedState,
): Credentials {
  let signer: Signer | undefined;
  let signerUntil = 0;
  let redactor: Redactor | undefined;
  return {
    signerAt(wall) {
      if (signer === undefined || wall >= signerUntil) {
        const valid = previousSecrets.filter(({ until }) => until > wall);
        signerUntil = Math.min(Number.POSITIVE_INFINITY, ...valid.map(({ until }) => until));
        signer = createSigner({
          ...(secret === undefined ? {} : { secret }),
          previous: valid.map((old) => old.secret),
          legacySignature,
          swapLegacy: swapLegacy && valid.length > 0,
        });
      }
      return signer;
    },
    get redactor() {
      redactor ??= createRedactor([...(secret === undefined ? [] : [secret]), ...secretValues(headers)]);
      return redactor;
    },
  };
}
