// The public face of `codebuddy-api/webhooks`. Today: what a receiver needs to verify requests.

export type { VerifyWebhookOptions, WebhookHeaders } from '../webhooks/verify.ts';
export { verifySignature, verifyWebhook } from '../webhooks/verify.ts';
