// A small line of figures over time. The chart library is loaded when the first one is shown.

import { useEffect, useRef } from 'preact/hooks';

export interface LineChartProps {
  /** Unix ms, rising. */
  readonly times: readonly number[];
  readonly values: readonly number[];
  /** For screen readers, with the newest value. */
  readonly label: string;
}

const height = 28;

export function LineChart({ times, values, label }: LineChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const draw = useRef<(times: readonly number[], values: readonly number[]) => void>(undefined);
  const newest = useRef({ times, values });
  newest.current = { times, values };

  useEffect(() => {
    let isGone = false;
    let end = (): void => undefined;
    import('./chart.ts').then(
      ({ startChart }) => {
        const element = place.current;
        if (isGone || element === null) return;
        const chart = startChart(element, height);
        draw.current = chart.draw;
        end = chart.end;
        chart.draw(newest.current.times, newest.current.values);
      },
      // uPlot does not load in a browser with a POSIX locale. The number is there without its line.
      () => undefined,
    );
    return () => {
      isGone = true;
      end();
    };
  }, []);
  useEffect(() => draw.current?.(times, values), [times, values]);

  return (
    <div ref={place} class="line-chart" role="img" aria-label={label} style={{ height: `${height}px` }} />
  );
}
