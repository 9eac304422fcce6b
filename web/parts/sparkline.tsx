// A row of small bars, oldest first. A bad one is red and at full height, so that it is seen at any size.

export interface Bar {
  readonly value: number;
  readonly isBad: boolean;
}

const height = 20;
const barWidth = 3;

export interface SparklineProps {
  readonly bars: readonly Bar[];
  /** What it shows, for screen readers and on hover. */
  readonly label: string;
}

export function Sparkline({ bars, label }: SparklineProps) {
  const highest = Math.max(1, ...bars.map(({ value }) => value));
  return (
    <svg
      class="sparkline"
      viewBox={`0 0 ${bars.length * barWidth} ${height}`}
      width={bars.length * barWidth}
      height={height}
      role="img"
      aria-label={label}
    >
      <title>{label}</title>
      {bars.map(({ value, isBad }, index) => {
        const barHeight = isBad ? height : Math.max(2, (value / highest) * height);
        return (
          <rect
            key={index}
            class={isBad ? 'bad' : ''}
            x={index * barWidth}
            y={height - barHeight}
            width={barWidth - 1}
            height={barHeight}
          />
        );
      })}
    </svg>
  );
}
