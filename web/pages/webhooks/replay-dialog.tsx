// Queues past events again, from a time or a number onward, and shows how many are queued and how many have ended.

import { useState } from 'preact/hooks';
import type { Webhook } from '../../../src/client/web.ts';
import { useFollowPending } from '../../app/follow-pending.ts';
import { useResource } from '../../app/resource.ts';
import { client } from '../../app/sign-in.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { formatCount, plural } from '../../parts/format.ts';
import { ErrorNotice } from '../../parts/state.tsx';
import { TimedText } from '../../parts/timed-text.tsx';

export interface ReplayProps {
  readonly webhook: Webhook;
  readonly onClose: () => void;
}

type By = 'time' | 'number';
type Progress =
  | { readonly status: 'asking' }
  | { readonly status: 'queueing'; readonly startedAt: number; readonly pendingBefore: number }
  | {
      readonly status: 'queued';
      readonly startedAt: number;
      readonly pendingBefore: number;
      readonly queued: number;
      readonly skipped: number;
    };

const hourMs = 3_600_000;

export function ReplayDialog({ webhook: { id, name }, onClose }: ReplayProps) {
  const [by, setBy] = useState<By>('time');
  const [from, setFrom] = useState({ time: localText(Date.now() - hourMs), number: '' });
  const [until, setUntil] = useState({ time: '', number: '' });
  const [error, setError] = useState<unknown>();
  const [progress, setProgress] = useState<Progress>({ status: 'asking' });
  const after = pointOf(by, from[by], true);
  const before = pointOf(by, until[by], false);

  async function start(): Promise<void> {
    if (after === undefined) return;
    setError(undefined);
    try {
      const { state } = await client.webhooks.get(id);
      const begin = { startedAt: Date.now(), pendingBefore: state.pending };
      setProgress({ status: 'queueing', ...begin });
      const answer = await client.webhooks.replay(id, {
        after,
        ...(before === undefined ? {} : { before }),
      });
      setProgress({ status: 'queued', ...begin, ...answer });
    } catch (reason) {
      setError(reason);
      setProgress({ status: 'asking' });
    }
  }

  const isAsking = progress.status === 'asking';
  return (
    <Dialog
      title={`Replay events to ${name}`}
      onClose={onClose}
      footer={
        <>
          <button type="button" onClick={onClose}>
            {isAsking ? 'Cancel' : 'Close'}
          </button>
          {isAsking && (
            <button type="button" class="main" disabled={after === undefined} onClick={start}>
              Replay
            </button>
          )}
        </>
      }
    >
      {progress.status === 'asking' ? (
        <div class="stack">
          {error !== undefined && <ErrorNotice error={error} />}
          <p>
            Queues past events again, with the same ids and in order. The webhook gets only the event types
            that it is subscribed to.
          </p>
          <fieldset class="field">
            <legend>Select by</legend>
            <div class="row">
              {(['time', 'number'] as const).map((one) => (
                <label key={one} class="check">
                  <input type="radio" name="by" checked={by === one} onChange={() => setBy(one)} />
                  {one}
                </label>
              ))}
            </div>
          </fieldset>
          <div class="pair">
            <Point
              label={by === 'time' ? 'From' : 'From number'}
              by={by}
              value={from[by]}
              onInput={(text) => setFrom({ ...from, [by]: text })}
            />
            <Point
              label={by === 'time' ? 'Until (default: now)' : 'Up to number (default: the last)'}
              by={by}
              value={until[by]}
              onInput={(text) => setUntil({ ...until, [by]: text })}
            />
          </div>
        </div>
      ) : (
        <ReplayProgress id={id} progress={progress} />
      )}
    </Dialog>
  );
}

interface PointProps {
  readonly label: string;
  readonly by: By;
  readonly value: string;
  readonly onInput: (text: string) => void;
}

function Point({ label, by, value, onInput }: PointProps) {
  return (
    <label class="field">
      <span class="field-name">{label}</span>
      <input
        key={by}
        type={by === 'time' ? 'datetime-local' : 'number'}
        min={by === 'number' ? 1 : undefined}
        value={value}
        onInput={({ currentTarget }) => onInput(currentTarget.value)}
      />
    </label>
  );
}

function ReplayProgress({
  id,
  progress,
}: {
  readonly id: string;
  readonly progress: Exclude<Progress, { status: 'asking' }>;
}) {
  // The status is part of the key: a state that was loaded before all events were queued must not be shown.
  const webhook = useResource(`replay ${id} ${progress.startedAt} ${progress.status}`, (signal) =>
    client.webhooks.get(id, { signal }),
  );
  const state = webhook.value?.state;
  const waiting = Math.max(0, (state?.pending ?? 0) - progress.pendingBefore);
  const isQueueing = progress.status === 'queueing';
  useFollowPending({
    pending: isQueueing || waiting > 0 ? `${progress.status} ${state?.pending}` : undefined,
    reload: webhook.reload,
  });
  if (isQueueing)
    return (
      <div class="stack">
        <p>Queueing: {plural(waiting, 'event')} so far.</p>
        <progress aria-label="Queueing events" />
      </div>
    );
  const { queued, skipped } = progress;
  const ended = Math.max(0, queued - waiting);
  return (
    <div class="stack" aria-live="polite">
      <p>
        {plural(queued, 'event')} queued
        {skipped > 0 && `, ${formatCount(skipped)} skipped: pending already, or not kept`}.
      </p>
      {queued > 0 && state === undefined && <progress aria-label="Events delivered" />}
      {queued > 0 && state !== undefined && (
        <>
          <progress aria-label="Events delivered" max={queued} value={ended} />
          <p>
            {formatCount(ended)} of {formatCount(queued)} ended
            {waiting > 0 && `, ${formatCount(waiting)} pending`}.{' '}
            {waiting > 0 && state !== undefined && <TimedText text={state.detail} />}
          </p>
        </>
      )}
    </div>
  );
}

/** The value of a `datetime-local` field. */
function localText(time: number): string {
  const local = new Date(time - new Date(time).getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}

/** Both ends of the API are exclusive, but a time as `after` includes the events of that time. */
function pointOf(by: By, text: string, isStart: boolean): string | number | undefined {
  if (text === '') return undefined;
  if (by === 'time') return new Date(text).toISOString();
  const number = Number(text);
  if (!Number.isSafeInteger(number)) return undefined;
  return isStart ? Math.max(0, number - 1) : number + 1;
}
