// At registration: may a webhook go there, as far as can be known now? What a name leads to is judged again at every connection.

import { isIP } from 'node:net';
import { CodeBuddyError } from '../base/errors.ts';
import type { NameLookup } from './name-lookup.ts';
import type { UrlGuard } from './url-guard.ts';

/** A name server that is silent must not hold up whoever registers a webhook. */
const patienceMs = 2500;

/**
 * Looks the name up and judges every address it has. A name that has none now is let through for https: it may have one later, and
 * each delivery is judged by the address it goes to.
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
      `has a name that cannot be looked up now (${(error as Error).message}); http: needs a target that is known to be allowed`,
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
