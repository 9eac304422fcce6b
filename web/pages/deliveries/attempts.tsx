// The attempts of a delivery as a time line: when each was sent, how long it took, and its result. An attempt opens to
// its request and response.

import { useState } from 'preact/hooks';
import type { Delivery } from '../../../src/client/web.ts';
import { formatDuration } from '../../parts/format.ts';
import { Time } from '../../parts/time.tsx';
import { Turn } from '../../parts/turn.tsx';
import type { Attempt } from './attempt.ts';
import { RequestView } from './request-view.tsx';
import { ResponseView } from './response-view.tsx';

export function Attempts({ delivery }: { readonly delivery: Delivery }) {
  const { attemptLog } = delivery;
  const last = attemptLog.at(-1)?.number;
  const [chosen, setChosen] = useState<number | 'last' | 'none'>('last');
  const open = chosen === 'last' ? last : chosen;
  if (attemptLog.length === 0)
    return (
      <div class="stack">
        <p class="quiet">Not sent yet.</p>
        <RequestView delivery={delivery} attempt={undefined} />
      </div>
    );
  return (
    <ol class="attempts">
      {attemptLog.map((attempt) => (
        <li key={attempt.number} class={attempt.outcome === 'success' ? 'good' : 'bad'}>
          <AttemptLine
            attempt={attempt}
            isOpen={attempt.number === open}
            toggle={() => setChosen(attempt.number === open ? 'none' : attempt.number)}
          />
          {attempt.number === open && (
            <div class="exchange">
              <RequestView delivery={delivery} attempt={attempt} />
              <ResponseView attempt={attempt} />
            </div>
          )}
        </li>
      ))}
    </ol>
  );
}

interface LineProps {
  readonly attempt: Attempt;
  readonly isOpen: boolean;
  readonly toggle: () => void;
}

function AttemptLine({ attempt, isOpen, toggle }: LineProps) {
  const { number, at, durationMs, outcome, statusCode, counted } = attempt;
  return (
    <button type="button" class="bare attempt-line" aria-expanded={isOpen} onClick={toggle}>
      <Turn isOpen={isOpen} />
      <span>Attempt {number}</span>
      <span class={outcome === 'success' ? 'good' : 'bad'}>
        {statusCode === null ? outcome.replaceAll('_', ' ') : `answered ${statusCode}`}
      </span>
      <span class="quiet">after {formatDuration(durationMs)}</span>
      {!counted && outcome !== 'success' && (
        <span class="quiet" title="It does not count towards the retries.">
          not counted
        </span>
      )}
      <span class="quiet attempt-time">
        <Time at={at} />
      </span>
    </button>
  );
}
