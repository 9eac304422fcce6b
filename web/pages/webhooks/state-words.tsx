// The state of a webhook in words.

import type { Webhook } from '../../../src/client/web.ts';
import { Time } from '../../parts/time.tsx';

const reasons: Readonly<Record<string, string>> = {
  by_hand: 'by a user',
  gone: 'its receiver answered 410',
  receiver_asked: 'its receiver asked for it',
  failing: 'it failed for five days',
};

export function StateWords({ webhook: { state } }: { readonly webhook: Webhook }) {
  const { status, detail, failingSince, pausedUntil, disabledReason } = state;
  const since = failingSince !== null && (
    <>
      {' '}
      since <Time at={failingSince} />
    </>
  );
  switch (status) {
    case 'healthy':
      return <span class="chip good">healthy</span>;
    case 'failing':
      return (
        <span class="chip warn">
          <span class="cut">failing{since}</span>
        </span>
      );
    case 'open':
      return (
        <span class="chip bad" title={detail}>
          <span class="cut">failing{since}, tried one at a time</span>
        </span>
      );
    case 'unreachable':
      return (
        <span class="chip warn" title={detail}>
          not reachable from this machine
        </span>
      );
    case 'paused':
      return (
        <span class="chip warn" title={detail}>
          <span class="cut">
            paused
            {pausedUntil !== null && (
              <>
                , resumes <Time at={pausedUntil} />
              </>
            )}
          </span>
        </span>
      );
    case 'disabled':
      return <span class="chip">off: {reasons[disabledReason ?? 'by_hand'] ?? disabledReason}</span>;
    case 'refused':
      return (
        <span class="chip bad" title={detail}>
          <span class="cut">{firstSentence(detail)}</span>
        </span>
      );
  }
}

/** `Refused: tool is not an event`: the reason, without what follows from it. */
function firstSentence(detail: string): string {
  const [first = detail] = detail.split(/[.;] (?=Its entry|Allow its|the types)/);
  return first.replace(/^Refused/, 'refused');
}

/** False for a webhook that a user disabled. */
export function needsAttention({ state: { status, disabledReason } }: Webhook): boolean {
  if (status === 'disabled') return disabledReason !== null && disabledReason !== 'by_hand';
  return status !== 'healthy' && status !== 'paused';
}
