// The four numbers, each with its line.

import { formatCost, formatCount, formatDuration } from '../../parts/format.ts';
import { LineChart } from '../../parts/line-chart.tsx';
import { ErrorNotice } from '../../parts/state.tsx';
import { Time } from '../../parts/time.tsx';
import { lastPeriod, type Period, p95, ratesOf } from './rates.ts';
import { readSoon, sampleFault, useSamples } from './samples.ts';

export function Figures() {
  const all = useSamples();
  const period = lastPeriod(all);
  if (period === undefined)
    return sampleFault.value === undefined ? (
      <div class="numbers numbers-loading" />
    ) : (
      <ErrorNotice error={sampleFault.value} retry={readSoon} />
    );
  const { to, from, seconds } = period;
  const times = all.map(({ at }) => at);
  const isWorking = to.activeRuns > 0;
  return (
    <section aria-label="Figures">
      <dl class="numbers">
        <Figure
          name="Active runs"
          value={formatCount(to.activeRuns)}
          note={isWorking ? 'working or waiting now' : 'none now'}
          times={times}
          values={all.map(({ activeRuns }) => activeRuns)}
        />
        <Figure
          name="Requests"
          value={`${formatRate((to.requests - from.requests) / seconds)}/s`}
          note={`${slowest(p95(period))}, ${spanOf(period)}`}
          times={times}
          values={ratesOf(all, ({ requests }) => requests)}
        />
        <Figure
          name="Deliveries"
          value={`${formatRate((to.delivered - from.delivered) / seconds)}/s`}
          note={`${formatCount(to.failed - from.failed)} failed, ${formatCount(to.pending)} pending, ${spanOf(period)}`}
          isBad={to.failed > from.failed}
          times={times}
          values={ratesOf(all, ({ delivered }) => delivered)}
        />
        <Figure
          name="Cost today"
          value={to.costToday === null ? 'unknown' : formatCost(to.costToday)}
          note="since midnight UTC"
          times={times}
          values={all.map(({ costToday }) => costToday ?? 0)}
        />
      </dl>
      <p class="quiet figures-note">
        Updated <Time at={new Date(to.at).toISOString()} />. Events trigger updates, so the figures do not
        change while nothing happens.
      </p>
    </section>
  );
}

interface FigureProps {
  readonly name: string;
  readonly value: string;
  readonly note: string;
  readonly isBad?: boolean;
  readonly times: readonly number[];
  readonly values: readonly number[];
}

function Figure({ name, value, note, isBad = false, times, values }: FigureProps) {
  return (
    <div class="panel figure">
      <dt class="quiet">{name}</dt>
      <dd>
        <span>{value}</span>
        <span class={isBad ? 'bad figure-note' : 'quiet figure-note'}>{note}</span>
        <LineChart times={times} values={values} label={`${name} over time; now ${value}`} />
      </dd>
    </div>
  );
}

function slowest(seconds: number | undefined): string {
  if (seconds === undefined) return 'no request';
  return seconds === Number.POSITIVE_INFINITY
    ? 'p95 over 60 s'
    : `p95 up to ${formatDuration(seconds * 1000)}`;
}

function spanOf({ isWhole, seconds }: Period): string {
  return isWhole ? 'since the start' : `in ${formatDuration(seconds * 1000)}`;
}

function formatRate(rate: number): string {
  if (rate === 0) return '0';
  if (rate < 0.01) return '< 0.01';
  return rate < 10 ? rate.toFixed(rate < 1 ? 2 : 1) : formatCount(Math.round(rate));
}
