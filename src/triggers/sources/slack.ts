// The Events API, slash commands and interactive messages of Slack.

import type { Source } from '../call.ts';
import { digest, firstText, isSigned, staleReason, textAt } from './signatures.ts';

const prefix = 'v0=';

export const slack: Source = {
  // Slack repeats a call that was not answered within 3 s.
  answerWithinMs: 2500,
  verify({ headers, body, receivedAt }, _config, secrets) {
    const signature = headers['x-slack-signature'];
    const time = headers['x-slack-request-timestamp'];
    if (signature === undefined || time === undefined)
      return 'The header X-Slack-Signature or X-Slack-Request-Timestamp is missing.';
    const stale = staleReason(time, receivedAt);
    if (stale !== undefined) return stale;
    if (
      signature.startsWith(prefix) &&
      isSigned(signature.slice(prefix.length), [`v0:${time}:`, body], secrets)
    )
      return undefined;
    return 'The signature (X-Slack-Signature) is wrong. Compare the signing secret of the Slack app.';
  },
  proof: () => ['x-slack-signature'],
  facts(payload) {
    const type = textAt(payload, 'event.type') ?? textAt(payload, 'type');
    const subtype = textAt(payload, 'event.subtype');
    const command = textAt(payload, 'command');
    return {
      event: command ?? (type === undefined || subtype === undefined ? type : `${type}.${subtype}`),
      actor: firstText(payload, 'event.user', 'user_id', 'user.id'),
      deliveryId: textAt(payload, 'event_id'),
    };
  },
  identities(payload, { headers, body }) {
    const id = textAt(payload, 'event_id');
    return [
      id === undefined ? `body:${digest(headers['x-slack-request-timestamp'] ?? '', body)}` : `id:${id}`,
    ];
  },
  greeting(payload) {
    const challenge = textAt(payload, 'challenge');
    if (textAt(payload, 'type') !== 'url_verification' || challenge === undefined) return undefined;
    return { reason: 'It is the URL verification of Slack: the URL works.', challenge };
  },
};
