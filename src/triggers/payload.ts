// The payload of a request: JSON, or a form as GitHub and Slack also send it.

import { parseBody } from '../base/json-body.ts';

/** An empty body is an empty object. @throws CodeBuddyError `invalid_body` */
export function readPayload(body: Buffer, contentType: string | undefined): unknown {
  if (body.length === 0) return {};
  if (!/^application\/x-www-form-urlencoded\b/i.test(contentType ?? '')) return parseBody(body);
  const form = new URLSearchParams(body.toString('utf8'));
  const payload = form.get('payload');
  return payload === null ? Object.fromEntries(form) : parseBody(Buffer.from(payload));
}
