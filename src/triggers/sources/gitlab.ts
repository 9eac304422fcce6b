// Webhooks of GitLab: signed as Standard Webhooks with a signing token, or with the secret token in a header.

import { verifyWebhook } from '../../webhooks/verify.ts';
import type { CallRequest, Source } from '../call.ts';
import { branchOf, digest, firstText, isToken, staleReason, textAt, textsAt } from './signatures.ts';

/** The same for all attempts to send an event. */
function idOf({ headers }: CallRequest): string | undefined {
  return headers['webhook-id'] ?? headers['idempotency-key'] ?? headers['x-gitlab-event-uuid'];
}

export const gitlab: Source = {
  verify({ headers, body, receivedAt }, _config, secrets) {
    if (headers['webhook-signature'] !== undefined) {
      if (verifyWebhook(body, headers, secrets, { now: receivedAt })) return undefined;
      return (
        staleReason(headers['webhook-timestamp'], receivedAt) ??
        'The signature (webhook-signature) is wrong. Compare the signing token at GitLab.'
      );
    }
    const token = headers['x-gitlab-token'];
    if (token === undefined)
      return 'The header X-Gitlab-Token is missing. Set the secret token of the webhook at GitLab.';
    return isToken(token, secrets)
      ? undefined
      : 'The token (X-Gitlab-Token) is wrong. Compare the secret token at GitLab.';
  },
  proof: () => ['webhook-signature', 'x-gitlab-token'],
  facts(payload, request) {
    const kind = textAt(payload, 'object_kind') ?? textAt(payload, 'event_name');
    const action = textAt(payload, 'object_attributes.action');
    return {
      event: kind === undefined || action === undefined ? kind : `${kind}.${action}`,
      actor: firstText(payload, 'user.username', 'user_username'),
      branch:
        firstText(
          payload,
          'object_attributes.target_branch',
          'merge_request.target_branch',
          'object_attributes.ref',
        ) ?? branchOf(textAt(payload, 'ref')),
      labels: [
        ...textsAt(payload, 'labels', 'title'),
        ...textsAt(payload, 'object_attributes.labels', 'title'),
      ],
      deliveryId: idOf(request),
    };
  },
  identities(_payload, request) {
    const id = idOf(request);
    return [id === undefined ? `body:${digest(request.body)}` : `id:${id}`];
  },
};
