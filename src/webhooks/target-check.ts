// Checks the target of a webhook when it is created or its URL changes. The guard judges the addresses of a name again
// at every connection.

import { isIP } from 'node:net';
import { CodeBuddyError } from '../base/errors.ts';
import type { NameLookup } from './name-lookup.ts';
import type { UrlGuard } from './url-guard.ts';

/** A silent name server must not delay the caller for longer. */
const patienceMs = 2500;

/**
 * Look up the name and judge all of its addresses. With https, a name that cannot be looked up now is accepted: it may
 * have an address later.
 *
 * @throws CodeBuddyError `validation_failed` naming /url
 */
export async function checkTarget(
  text: string,
  guard: UrlGuard,
  names: Pick<NameLookup, 'resolve'>,
): Promise<void> {
  const url = guard.check(text);
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(hostname) !== 0) return;
  const signal = AbortSignal.timeout(patienceMs);
  let addresses: readonly string[];
  try {
    addresses = await names.resolve(hostname, signal);
  } catch (error) {
    if (url.protocol === 'https:' || guard.isNameAllowed(hostname)) return;
    throw refused(
      `has a name that cannot be looked up now (${(error as Error).message}); with http: the target must be known to be allowed`,
    );
  }
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  const reason = guard.judge({ protocol: url.protocol, hostname, port }, addresses);
  if (reason !== undefined) throw refused(reason);
}

function refused(message: string): CodeBuddyError {
  return new CodeBuddyError('validation_failed', `url: ${message}`, {
    errors: [{ in: 'body', pointer: '/url', message }],
  });
}
