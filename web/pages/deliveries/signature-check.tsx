// Whether the signature of a request is right. One with ed25519 is checked here, with the public key of the webhook. An
// HMAC needs the secret, which this page never has, so the server says whether it was made with the current secret.

import type { ComponentChildren } from 'preact';
import type { DeliveryRequest } from '../../../src/client/web.ts';
import { useResource } from '../../app/resource.ts';
import { lackOf } from '../../app/scope.ts';
import { client } from '../../app/sign-in.ts';
import { verifyEd25519 } from './verify-ed25519.ts';

export interface SignatureCheckProps {
  readonly request: DeliveryRequest;
  readonly webhookId: string;
}

export function SignatureCheck({ request, webhookId }: SignatureCheckProps) {
  const signature = request.headers['webhook-signature'];
  const lack = lackOf('admin');
  if (request.signedWith === 'nothing')
    return <Result tone="quiet">It was not signed: the webhook had no secret.</Result>;
  if (lack !== undefined || signature === undefined)
    return (
      <Result tone="quiet">
        {lack ?? 'The webhook was removed.'} The signature cannot be checked without it.
      </Result>
    );
  return signature.includes('v1a,') ? (
    <PublicCheck request={request} webhookId={webhookId} />
  ) : (
    <SecretCheck request={request} />
  );
}

function SecretCheck({ request: { signedWith } }: { readonly request: DeliveryRequest }) {
  const why = 'It is an HMAC, which only the secret can verify. This page never has the secret.';
  switch (signedWith) {
    case 'current_secret':
      return <Result tone="good">The server made it with the secret that the webhook has now. {why}</Result>;
    case 'another_secret':
      return (
        <Result tone="warn">
          The server made it with a different secret than the webhook has now. Was the secret changed, or the
          clock set back? {why}
        </Result>
      );
    default:
      return <Result tone="quiet">Another node, which has the secrets, sends for this webhook. {why}</Result>;
  }
}

function PublicCheck({ request, webhookId }: SignatureCheckProps) {
  const check = useResource(
    `signature ${webhookId} ${request.headers['webhook-id']} ${request.attempt}`,
    async (signal) => {
      const { publicKey } = await client.webhooks.get(webhookId, { signal });
      return verifyEd25519(request, publicKey);
    },
  );
  switch (check.value) {
    case undefined:
      return null;
    case 'valid':
      return <Result tone="good">Valid: checked here with the public key of the webhook (ed25519).</Result>;
    case 'invalid':
      return (
        <Result tone="bad">
          Not valid with the public key that the webhook has now. Was the key changed since?
        </Result>
      );
    case 'unsupported':
      return (
        <Result tone="quiet">
          This browser cannot check ed25519 here. Use one that can, over HTTPS or on loopback.
        </Result>
      );
    case 'no_key':
      return (
        <Result tone="warn">
          The webhook signs with a secret now, so there is no public key to check it.
        </Result>
      );
  }
}

interface ResultProps {
  readonly tone: 'good' | 'warn' | 'bad' | 'quiet';
  readonly children: ComponentChildren;
}

function Result({ tone, children }: ResultProps) {
  return (
    <p>
      <strong class={tone}>Signature:</strong> {children}
    </p>
  );
}
