// Webhooks of GitHub. The signature covers the body alone, not the delivery id, so the hash of the body identifies the
// call, too.

import type { Source } from '../call.ts';
import { branchOf, digest, firstText, isSigned, textAt, textsAt } from './signatures.ts';

const prefix = 'sha256=';

export const github: Source = {
  verify({ headers, body }, _config, secrets) {
    const signature = headers['x-hub-signature-256'];
    if (signature === undefined)
      return 'The header X-Hub-Signature-256 is missing. Set the secret of the webhook at GitHub.';
    if (signature.startsWith(prefix) && isSigned(signature.slice(prefix.length), [body], secrets))
      return undefined;
    return 'The signature (X-Hub-Signature-256) is wrong. Compare the secret at GitHub.';
  },
  proof: () => ['x-hub-signature-256'],
  facts(payload, { headers }) {
    const name = headers['x-github-event'];
    const action = textAt(payload, 'action');
    const label = textAt(payload, 'label.name');
    return {
      event: name === undefined || action === undefined ? name : `${name}.${action}`,
      actor: textAt(payload, 'sender.login'),
      branch:
        firstText(
          payload,
          'pull_request.base.ref',
          'workflow_run.head_branch',
          'check_suite.head_branch',
          'workflow_job.head_branch',
        ) ?? branchOf(textAt(payload, 'ref')),
      labels: [
        ...textsAt(payload, 'pull_request.labels', 'name'),
        ...textsAt(payload, 'issue.labels', 'name'),
        ...(label === undefined ? [] : [label]),
      ],
      authorAssociation: firstText(
        payload,
        'comment.author_association',
        'review.author_association',
        'pull_request.author_association',
        'issue.author_association',
        'discussion.author_association',
      ),
      deliveryId: headers['x-github-delivery'],
    };
  },
  identities(_payload, { headers, body }) {
    const id = headers['x-github-delivery'];
    return [`body:${digest(body)}`, ...(id === undefined ? [] : [`id:${id}`])];
  },
  greeting(_payload, { headers }) {
    return headers['x-github-event'] === 'ping'
      ? { reason: 'It is the ping of GitHub: the webhook works.' }
      : undefined;
  },
};
