// Chooses among the options that an agent offers with a request for permission. Our own rules remember what was allowed
// for a session, so an agent is never given more than this one call.

import { isRecord } from '../../base/is-record.ts';

export const cancelledOutcome = { outcome: { outcome: 'cancelled' } } as const;

/** The answer to `session/request_permission`. Without a fitting option, the request is cancelled. */
export function answerFor(options: unknown, isAllowed: boolean): object {
  const fitting: readonly unknown[] = isAllowed ? ['allow_once'] : ['reject_once', 'reject_always'];
  const offered = Array.isArray(options) ? options.filter(isRecord) : [];
  const found = fitting
    .map((kind) => offered.find((option) => option.kind === kind))
    .find((option) => typeof option?.optionId === 'string');
  return found === undefined
    ? cancelledOutcome
    : { outcome: { outcome: 'selected', optionId: found.optionId } };
}

/** Whether a call can be allowed without allowing later ones. */
export function canAllowOnce(options: unknown): boolean {
  return Array.isArray(options) && options.some((option) => isRecord(option) && option.kind === 'allow_once');
}
