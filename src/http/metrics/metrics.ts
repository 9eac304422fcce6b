// The metrics of the server itself. Counting takes a few additions per request; everything else is done when the
// metrics are read. prom-client is not used: it takes 30 ms to load and builds a string of labels for each request.

import { createRunFigures } from '../../base/run-figures.ts';
import { processFamilies } from './process-metrics.ts';
import type { MetricFamily, MetricType, Sample } from './prometheus-text.ts';
import { renderPrometheus } from './prometheus-text.ts';

/** Upper bounds in seconds, from a fast answer to a run of a minute. */
const bucketSeconds = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
] as const;

/** Counts the requests of one method and route. Look it up once and keep it. */
export interface RouteCounter {
  /** `isStream`: it lasts as long as its reader wants. */
  observe(status: number, durationMs: number, isStream?: boolean): void;
}

interface Source {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly read: () => number;
}

/** The counters of one server. */
export class Metrics {
  private inFlight = 0;
  private streams = 0;
  private readonly routes = new Map<string, RouteFigures>();
  private readonly sources: Source[] = [];
  /** Prompts answered by the host application. */
  readonly delegatedRuns = createRunFigures();

  /** Counts a request as in flight. */
  requestStarted(): void {
    this.inFlight++;
  }

  /** Counts the end of a request: its answer was sent, or its connection was lost. */
  requestEnded(): void {
    this.inFlight--;
  }

  /** Records an ended request. `route` is the pattern, never the path: that bounds the number of series. */
  observeRequest(method: string, route: string, status: number, durationMs: number, isStream = false): void {
    this.route(method, route).observe(status, durationMs, isStream);
  }

  /** The counter of a route. */
  route(method: string, route: string): RouteCounter {
    const key = `${method} ${route}`;
    let figures = this.routes.get(key);
    if (figures === undefined) {
      figures = new RouteFigures(method, route);
      this.routes.set(key, figures);
    }
    return figures;
  }

  /** Counts a new reader of server-sent events. */
  streamOpened(): void {
    this.streams++;
  }

  /** Counts a disconnected reader. */
  streamClosed(): void {
    this.streams--;
  }

  /** The current number of readers of server-sent events. */
  get openStreams(): number {
    return this.streams;
  }

  /** The current number of unanswered requests. */
  get requestsInFlight(): number {
    return this.inFlight;
  }

  /**
   * Adds a metric of another module. `read` is called when the metrics are read. A repeated name replaces the metric.
   */
  addSource(name: string, help: string, type: Source['type'], read: () => number): void {
    const known = this.sources.findIndex((source) => source.name === name);
    if (known >= 0) this.sources.splice(known, 1);
    this.sources.push({ name, help, type, read });
  }

  /** The metrics in the Prometheus text format 0.0.4, followed by `extra`. */
  async renderText(extra: readonly MetricFamily[] = []): Promise<string> {
    return renderPrometheus([...this.families(), ...(await processFamilies()), ...extra]);
  }

  /** The metrics for `GET /api/metrics`: durations in seconds, memory in bytes. */
  async toObject(): Promise<Record<string, unknown>> {
    const routes = [...this.routes.values()].filter((figures) => figures.count > 0);
    return {
      requests: {
        total: routes.reduce((sum, figures) => sum + figures.count, 0),
        inFlight: this.inFlight,
        durations: addUp(routes),
        routes: routes.map((figures) => figures.toObject()),
      },
      sseReaders: this.streams,
      ...Object.fromEntries(this.sources.map((source) => [jsonName(source.name), source.read()])),
      process: Object.fromEntries(
        (await processFamilies()).map(({ name, samples }) => [jsonName(name), samples[0]?.value ?? null]),
      ),
    };
  }

  private families(): readonly MetricFamily[] {
    const routes = [...this.routes.values()];
    return [
      family('codebuddy_http_requests_total', 'Answered requests.', 'counter', [
        ...routes.flatMap((figures) => figures.countSamples()),
      ]),
      family(
        'codebuddy_http_request_duration_seconds',
        'Duration of requests in seconds, up to the end of the answer.',
        'histogram',
        [...routes.flatMap((figures) => figures.durationSamples())],
      ),
      family('codebuddy_http_requests_in_flight', 'Unanswered requests.', 'gauge', [
        { value: this.inFlight },
      ]),
      family('codebuddy_sse_readers', 'Open streams of server-sent events.', 'gauge', [
        { value: this.streams },
      ]),
      ...this.sources.map(({ name, help, type, read }) => family(name, help, type, [{ value: read() }])),
    ];
  }
}

class RouteFigures implements RouteCounter {
  count = 0;
  private sumMs = 0;
  private readonly method: string;
  private readonly route: string;
  private readonly statuses = new Map<number, number>();
  /** Not cumulative: one addition per request, summed up when rendered. The last is +Inf. */
  private readonly buckets = new Float64Array(bucketSeconds.length + 1);
  /** The streams among them. */
  private streamBuckets: Float64Array | undefined;

  constructor(method: string, route: string) {
    this.method = method;
    this.route = route;
  }

  observe(status: number, durationMs: number, isStream = false): void {
    this.count++;
    this.sumMs += durationMs;
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
    const seconds = durationMs / 1000;
    let index = 0;
    while (index < bucketSeconds.length && seconds > (bucketSeconds[index] as number)) index++;
    this.buckets[index] = (this.buckets[index] as number) + 1;
    if (!isStream) return;
    this.streamBuckets ??= new Float64Array(this.buckets.length);
    this.streamBuckets[index] = (this.streamBuckets[index] as number) + 1;
  }

  countSamples(): Sample[] {
    const { method, route } = this;
    return [...this.statuses].map(([status, value]) => ({
      labels: { method, route, status: String(status) },
      value,
    }));
  }

  durationSamples(): Sample[] {
    if (this.count === 0) return [];
    const { method, route } = this;
    let cumulated = 0;
    const samples: Sample[] = [...this.buckets].map((value, index) => {
      cumulated += value;
      const le = index < bucketSeconds.length ? String(bucketSeconds[index]) : '+Inf';
      return { suffix: '_bucket', labels: { method, route, le }, value: cumulated };
    });
    const labels = { method, route };
    samples.push({ suffix: '_sum', labels, value: this.sumMs / 1000 });
    samples.push({ suffix: '_count', labels, value: this.count });
    return samples;
  }

  /** Adds the number of requests in each bucket to `sums`: not cumulated, without streams. */
  addTo(sums: number[]): void {
    for (const [index, value] of this.buckets.entries())
      sums[index] = (sums[index] ?? 0) + value - (this.streamBuckets?.[index] ?? 0);
  }

  toObject(): Record<string, unknown> {
    return {
      method: this.method,
      route: this.route,
      count: this.count,
      totalSeconds: this.sumMs / 1000,
      statuses: Object.fromEntries(this.statuses),
    };
  }
}

/** The durations of all requests but streams; each bucket has the number of requests that took no longer. */
function addUp(routes: readonly RouteFigures[]): Record<string, unknown> {
  const sums: number[] = [];
  for (const figures of routes) figures.addTo(sums);
  let count = 0;
  const buckets = bucketSeconds.map((seconds, index) => {
    count += sums[index] ?? 0;
    return { seconds, count };
  });
  return { count: count + (sums[bucketSeconds.length] ?? 0), buckets };
}

function family(name: string, help: string, type: MetricType, samples: readonly Sample[]): MetricFamily {
  return { name, help, type, samples };
}

/** The JSON name of a metric: `eventsAppendedTotal` for `codebuddy_events_appended_total`. */
function jsonName(name: string): string {
  return name
    .replace(/^(codebuddy|process|nodejs)_/, '')
    .replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
