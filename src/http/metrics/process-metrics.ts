// Metrics of the process, with the names that Prometheus dashboards for Node expect. Measured only when the metrics are
// read.

import { readdir } from 'node:fs/promises';
import type { MetricFamily } from './prometheus-text.ts';

const startTimeSeconds = Math.round(performance.timeOrigin) / 1000;

/** Measures the process. */
export async function processFamilies(): Promise<readonly MetricFamily[]> {
  const lagSeconds = await eventLoopLag();
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, heapTotal } = process.memoryUsage();
  const openFiles = await countOpenFiles();
  const families: MetricFamily[] = [
    counter('process_cpu_seconds_total', 'User and system CPU time in seconds.', (user + system) / 1e6),
    gauge('process_resident_memory_bytes', 'Resident memory in bytes.', rss),
    gauge('process_start_time_seconds', 'Start time of the process in Unix seconds.', startTimeSeconds),
    gauge('nodejs_eventloop_lag_seconds', 'Lag of the event loop in seconds.', lagSeconds),
    gauge('nodejs_heap_size_used_bytes', 'Used JavaScript heap in bytes.', heapUsed),
    gauge('nodejs_heap_size_total_bytes', 'Size of the JavaScript heap in bytes.', heapTotal),
  ];
  if (openFiles !== undefined) families.push(gauge('process_open_fds', 'Open file descriptors.', openFiles));
  return families;
}

/** Measured on request: a sampling timer would wake an idle server fifty times a second. */
function eventLoopLag(): Promise<number> {
  const start = performance.now();
  return new Promise((resolve) => setImmediate(() => resolve((performance.now() - start) / 1000)));
}

/** Linux only: other systems have no cheap way to count them. */
async function countOpenFiles(): Promise<number | undefined> {
  if (process.platform !== 'linux') return undefined;
  try {
    // One of them is the folder that is being read.
    return (await readdir('/proc/self/fd')).length - 1;
  } catch {
    // A container without /proc. Omit the metric, as Prometheus clients do.
    return undefined;
  }
}

function counter(name: string, help: string, value: number): MetricFamily {
  return { name, help, type: 'counter', samples: [{ value }] };
}

function gauge(name: string, help: string, value: number): MetricFamily {
  return { name, help, type: 'gauge', samples: [{ value }] };
}
