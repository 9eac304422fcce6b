// Chooses how traces are recorded: by the SDK that was loaded with `--import`, by OTLP if a collector is set, or not at
// all. Their code is loaded only then.

import { fetchThrough, openDispatcher, proxiesFrom } from '../agent/outbound-http.ts';
import { passiveTracing } from '../base/passive-tracing.ts';
import type { AttributeValue, Tracing } from '../base/tracing.ts';
import { version } from '../base/version.ts';
import type { Settings } from '../config/settings.ts';
import { findHostTracing } from '../tracing/host-provider.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface TracingOptions {
  readonly environment: Environment;
  readonly redact: (text: string) => string;
  readonly warn: (message: string) => void;
}

const tracesPath = '/v1/traces';
/** Answers of collectors are short. */
const maxAnswerBytes = 64 * 1024;

export async function openTracing(
  settings: Pick<
    Settings,
    'otlpEndpoint' | 'serviceName' | 'traceSampler' | 'traceSampleRatio' | 'traceContent'
  >,
  { environment, redact, warn }: TracingOptions,
): Promise<Tracing> {
  if (environment.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return passiveTracing;
  const host = await findHostTracing({ hasContent: settings.traceContent, redact });
  if (host !== undefined) return host;
  const url = collectorUrl(settings.otlpEndpoint, environment);
  if (url === undefined || environment.OTEL_TRACES_EXPORTER === 'none') return passiveTracing;
  if (environment.OTEL_EXPORTER_OTLP_PROTOCOL === 'grpc')
    warn(`OTEL_EXPORTER_OTLP_PROTOCOL is grpc, which is not supported: traces go to ${url} by HTTP`);
  const [{ createOtlpTracing }, { makeSampler }] = await Promise.all([
    import('../tracing/otlp-tracing.ts'),
    import('../tracing/sampler.ts'),
  ]);
  const proxies = proxiesFrom(environment);
  let dispatcher: ReturnType<typeof openDispatcher> | undefined;
  const tracing = createOtlpTracing({
    url,
    headers: otlpHeaders(environment),
    ...numbers(environment),
    async fetch(target, init) {
      dispatcher ??= openDispatcher(proxies, { maxResponseSize: maxAnswerBytes });
      return fetchThrough(await dispatcher, target, init);
    },
    resource: new Map<string, AttributeValue>([
      ['telemetry.sdk.language', 'nodejs'],
      ['telemetry.sdk.name', 'codebuddy-api'],
      ['telemetry.sdk.version', version],
      ['service.version', version],
      ...pairs(environment.OTEL_RESOURCE_ATTRIBUTES),
      ['service.name', settings.serviceName],
      ['process.pid', process.pid],
    ]),
    sampler: makeSampler(settings.traceSampler, settings.traceSampleRatio),
    hasContent: settings.traceContent,
    redact,
    warn,
  });
  return {
    ...tracing,
    async close() {
      await tracing.close();
      await (await dispatcher)?.destroy();
    },
  };
}

/** The headers of requests to the collector, which may hold its key. */
export function otlpHeaders(environment: Environment): Readonly<Record<string, string>> {
  return Object.fromEntries([
    ...pairs(environment.OTEL_EXPORTER_OTLP_HEADERS),
    ...pairs(environment.OTEL_EXPORTER_OTLP_TRACES_HEADERS),
  ]);
}

/** The variable for traces is the whole URL; the other one is the base of all signals. */
function collectorUrl(endpoint: string | undefined, environment: Environment): string | undefined {
  const own = environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT;
  if (own !== undefined && URL.canParse(own) && /^https?:/i.test(own)) return own;
  if (endpoint === undefined) return undefined;
  return endpoint.endsWith(tracesPath) ? endpoint : `${endpoint.replace(/\/$/, '')}${tracesPath}`;
}

/** `name=value,name=value`, percent-encoded. */
function pairs(text = ''): readonly (readonly [name: string, value: string])[] {
  return text.split(',').flatMap((pair) => {
    const equals = pair.indexOf('=');
    if (equals < 1) return [];
    return [[decoded(pair.slice(0, equals).trim()), decoded(pair.slice(equals + 1).trim())] as const];
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function numbers(environment: Environment): {
  timeoutMs?: number;
  delayMs?: number;
  maxQueued?: number;
  maxBatch?: number;
} {
  const names = {
    timeoutMs: 'OTEL_EXPORTER_OTLP_TIMEOUT',
    delayMs: 'OTEL_BSP_SCHEDULE_DELAY',
    maxQueued: 'OTEL_BSP_MAX_QUEUE_SIZE',
    maxBatch: 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE',
  };
  return Object.fromEntries(
    Object.entries(names).flatMap(([name, variable]) => {
      const value = Number(environment[variable]);
      return Number.isInteger(value) && value > 0 && value < 1_000_000 ? [[name, value]] : [];
    }),
  );
}
