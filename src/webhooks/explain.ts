// Explains a delivery: what happened, the next step, and a command that sends it manually.

import { shellQuote } from '../base/shell-quote.ts';
import type { Delivery, DeliveryExplanation } from '../contract/delivery.ts';
import type { Lane } from './lane.ts';
import { type ShownTimes, shownDue } from './webhook-view.ts';

export interface ExplainOptions {
  readonly delivery: Delivery;
  /** Undefined if the webhook was removed. */
  readonly lane: Lane | undefined;
  readonly payload: Uint8Array | undefined;
  /** The wall clock in Unix ms, for the signature. */
  readonly wall: number;
  /** Unix ms of the delivery clock. */
  readonly now: number;
}

const advice: Readonly<Record<string, string>> = {
  http_error: 'Check the receiver: it did not answer with 2xx. The attempt shows its answer.',
  timeout: 'Let the receiver answer before it does its work, or raise the webhook’s timeout (at most 60 s).',
  connect_timeout: 'Check that the receiver’s host is up and that no firewall drops the connection.',
  connection_refused: 'Start the receiver, or correct the port in the webhook’s url.',
  connection_closed: 'The receiver closed the connection without an answer; check its log.',
  proxy_failed:
    'Check the HTTP proxy of the setting webhookProxy: it cannot be reached, or refused the connection.',
  network_unreachable: 'Check this machine’s network: it has no route to the receiver’s address.',
  http2_only: 'Let the receiver, or the proxy in front of it, accept HTTP/1.1 too.',
  client_certificate_unusable: 'Correct the files named in the webhook’s tls.',
  name_not_found: 'Check the host in the webhook’s url: its name has no address.',
  name_timeout: 'Check the name server: it does not answer.',
  name_failed: 'Check the name server: it reports an error.',
  certificate_invalid:
    'Give the receiver a certificate that is valid for its name, or trust its authority (CODEBUDDY_WEBHOOK_CA).',
  tls_failed: 'Check that the receiver accepts TLS 1.2 or later on this port.',
  bad_response: 'Check the receiver: its answer is not valid HTTP/1.1.',
  target_refused: 'Allow the target (--allowed-target), or correct the webhook’s url.',
  redirect_refused: 'Set the webhook’s url to the address that the redirect names.',
  rate_limited: 'Nothing to do: it is sent when the pause that the receiver asked for ends.',
  gone: 'The receiver wants no more deliveries; remove the webhook, or enable it again.',
  aborted: 'The receiver asked to abort this delivery.',
  expired: 'It was not delivered within 96 h. Fix the receiver, then retry the delivery.',
  send_failed: 'The request could not be sent; the attempt shows the reason.',
};

export function explain({ delivery, lane, payload, wall, now }: ExplainOptions): DeliveryExplanation {
  const last = delivery.attemptLog.at(-1);
  const tried = delivery.attemptLog.length;
  const times = tried === 1 ? 'once' : `${tried} times`;
  const lastWords =
    last === undefined
      ? ''
      : ` The last attempt (${last.at}, ${last.durationMs} ms): ${last.message ?? `answered ${last.statusCode}`}.`;
  const hint = advice[delivery.reason ?? ''] ?? '';
  const retry = `codebuddy deliveries retry ${delivery.id}`;
  const parts: Record<Delivery['status'], () => Omit<DeliveryExplanation, 'curl'>> = {
    success: () => ({
      summary: `Delivered after it was sent ${times}.${lastWords}`,
      nextStep: 'Nothing to do.',
    }),
    failed: () => ({
      summary: `Given up after it was tried ${times} (${delivery.reason}).${lastWords}`,
      nextStep: `${hint} Then: ${retry}`.trim(),
    }),
    cancelled: () => ({
      summary: `Cancelled: ${delivery.reason === 'webhook_removed' ? 'its webhook was removed' : delivery.reason}.`,
      nextStep: 'Nothing to do.',
    }),
    pending: () =>
      explainPending(
        delivery,
        lane,
        { now, wall },
        tried === 0 ? 'Not tried yet.' : `Tried ${times}.${lastWords}`,
        hint,
      ),
  };
  return { ...parts[delivery.status](), curl: curlLine(delivery, lane, payload, wall) };
}

function explainPending(
  delivery: Delivery,
  lane: Lane | undefined,
  { now, wall }: ShownTimes,
  soFar: string,
  hint: string,
): Omit<DeliveryExplanation, 'curl'> {
  if (lane === undefined)
    return { summary: soFar, nextStep: 'Nothing to do: its webhook was removed, so it is being cancelled.' };
  if (lane.refusal !== undefined)
    return {
      summary: `${soFar} It waits because its webhook is refused: ${lane.refusal}.`,
      nextStep: `codebuddy webhooks show ${lane.id}`,
    };
  if (!lane.isEnabled)
    return {
      summary: `${soFar} It waits because its webhook is disabled.`,
      nextStep: `codebuddy webhooks enable ${lane.id}`,
    };
  const at = delivery.nextAttemptAt === null ? 'soon' : `at ${delivery.nextAttemptAt}`;
  const { pausedUntil } = lane.state;
  if (pausedUntil !== null && pausedUntil > now)
    return {
      summary: `${soFar} The receiver asked for a pause until ${shownDue(pausedUntil, { now, wall })}.`,
      nextStep: `Nothing to do: it is sent ${at}. To send it now: codebuddy deliveries retry ${delivery.id}`,
    };
  if (lane.unreachable !== undefined)
    return {
      summary: `${soFar} This machine cannot reach the target now: ${lane.unreachable.message}. No attempt is spent.`,
      nextStep: `${advice[lane.unreachable.reason] ?? ''} It is retried ${at}.`.trim(),
    };
  if (lane.isBreakerOpen) {
    const until = lane.shutUntil(now);
    const probe = until === undefined ? 'now' : `at ${shownDue(until, { now, wall })}`;
    return {
      summary: `${soFar} ${whyOpen(lane.state.failures)}, so one request at a time is sent, the next ${probe}.`,
      nextStep:
        `${hint === '' ? 'Fix the receiver.' : hint} This delivery is sent ${at}, or later if the receiver is still down. ` +
        `To send it now: codebuddy deliveries retry ${delivery.id}`,
    };
  }
  const isDue = delivery.nextAttemptAt === null || Date.parse(delivery.nextAttemptAt) <= wall;
  return {
    summary: soFar,
    nextStep: `${hint} ${isDue ? 'It is sent when it is its turn.' : `It is retried ${at}.`}`.trim(),
  };
}

function whyOpen(failures: number): string {
  return failures === 0
    ? 'Its receiver was down and has not been tried since'
    : `The last ${failures === 1 ? 'attempt' : `${failures} attempts`} of its webhook failed`;
}

function curlLine(
  delivery: Delivery,
  lane: Lane | undefined,
  payload: Uint8Array | undefined,
  wall: number,
): string | null {
  // A longer command would be unusable in a shell.
  if (lane === undefined || payload === undefined || payload.length > 16_384) return null;
  const timestamp = Math.floor(wall / 1000);
  const signed = lane.signerAt(wall).sign(delivery.eventId, timestamp, payload);
  const headers = [
    'content-type: application/json',
    `webhook-id: ${delivery.eventId}`,
    `webhook-timestamp: ${timestamp}`,
  ];
  for (let i = 0; i < signed.length; i += 2) headers.push(`${signed[i]}: ${signed[i + 1]}`);
  headers.push(`X-Webhook-Event: ${delivery.event}`);
  return [
    'curl -i',
    ...headers.map((header) => `-H ${shellQuote(header)}`),
    `--data-binary ${shellQuote(Buffer.from(payload).toString('utf8'))}`,
    shellQuote(lane.config.url),
  ].join(' ');
}
