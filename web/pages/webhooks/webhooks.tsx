// The webhooks, one of them, or the form of a new one.

import type { ViewProps } from '../../app/view-props.ts';
import { NewWebhook } from './new-webhook.tsx';
import { WebhookView } from './webhook.tsx';
import { WebhookList } from './webhook-list.tsx';

export default function WebhooksView({ path }: ViewProps) {
  const [id] = path;
  if (id === undefined) return <WebhookList />;
  return id === 'new' ? <NewWebhook /> : <WebhookView key={id} id={id} />;
}
