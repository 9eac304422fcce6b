// The span of one attempt of a delivery, in the trace of its event, whenever that was. The URL is left out, since it may
// contain a secret.

import { unpackTraceContext } from '../base/trace-context.ts';
import type { Span, Tracing } from '../base/tracing.ts';
import type { DeliveryRow } from '../store/delivery-store.ts';
import type { Lane } from './lane.ts';
import type { TransportResult } from './transport-result.ts';

export function startAttemptSpan(tracing: Tracing, lane: Lane, delivery: DeliveryRow): Span {
  const { trace, tries, eventType } = delivery;
  const parent = trace === undefined ? null : (unpackTraceContext(trace) ?? null);
  if (!tracing.isOn) return tracing.start('', { parent });
  const { hostname, port, protocol } = new URL(lane.url);
  const defaultPort = protocol === 'https:' ? 443 : 80;
  return tracing.start(`deliver ${eventType}`, {
    kind: 'client',
    parent,
    attributes: {
      'http.request.method': 'POST',
      'http.request.resend_count': tries === 0 ? undefined : tries,
      'server.address': hostname,
      'server.port': port === '' ? defaultPort : Number(port),
      'codebuddy.event.id': delivery.eventId,
      'codebuddy.event.type': eventType,
      'codebuddy.webhook.id': delivery.webhookId,
      'codebuddy.delivery.id': delivery.id,
    },
  });
}

export function endAttemptSpan(span: Span, result: TransportResult): void {
  if (result.kind === 'answer') {
    span.set({ 'http.response.status_code': result.statusCode });
    if (result.statusCode >= 300) span.fail(String(result.statusCode));
  } else span.fail(result.reason);
  span.end();
}
