// Looks names up with c-ares and the hosts file. Not with getaddrinfo: it occupies one of the process's four threads
// until a name server answers, so a few names whose servers are silent would delay every lookup and every file
// operation.

import { promises as dns } from 'node:dns';
import { openHostsFile, systemHostsFile } from './hosts-file.ts';
import { candidatesFor, openResolvConf, systemResolvConf } from './resolv-conf.ts';
import { TransportError } from './transport-result.ts';
import { localAddresses, plainName } from './url-guard.ts';

export interface NameLookup {
  /**
   * All addresses of a name, 64 at most.
   * @throws TransportError `name_not_found`, `name_timeout`, `name_failed`, `network_unreachable`
   */
  resolve(hostname: string, signal?: AbortSignal): Promise<readonly string[]>;
  /** Cancels all lookups. */
  close(): void;
}

export interface NameLookupOptions {
  /** `address` or `address:port`. @default those of the system */
  readonly servers?: readonly string[];
  /** @default /etc/hosts */
  readonly hostsFile?: string;
  /** Its `search`, `domain` and `options ndots` determine how short names are looked up. @default /etc/resolv.conf */
  readonly resolvConf?: string;
  /** For each try, in ms. @default 2000 */
  readonly timeoutMs?: number;
  /** @default 2 */
  readonly tries?: number;
}

const maxAddresses = 64;
/** How long a failure is remembered, so that a name is not asked for again at once. */
const rememberMs = 5000;
const maxRemembered = 1000;

export function createNameLookup({
  servers,
  hostsFile = systemHostsFile,
  resolvConf = systemResolvConf,
  timeoutMs = 2000,
  tries = 2,
}: NameLookupOptions = {}): NameLookup {
  const inHosts = openHostsFile(hostsFile);
  const searchRules = openResolvConf(resolvConf);
  const underWay = new Map<string, Promise<readonly string[]>>();
  const resolvers = new Set<dns.Resolver>();
  const failures = new Map<string, { readonly error: TransportError; readonly until: number }>();

  /**
   * Each name has its own resolver, so that cancelling one lookup cancels no other. All candidates share the time of
   * one lookup.
   */
  async function ask(hostname: string): Promise<readonly string[]> {
    const resolver = new dns.Resolver({ timeout: timeoutMs, tries });
    if (servers !== undefined) resolver.setServers(servers);
    resolvers.add(resolver);
    let isLate = false;
    // c-ares waits between tries, so its own limit is later than the promised one.
    const timer = setTimeout(
      () => {
        isLate = true;
        resolver.cancel();
      },
      timeoutMs * tries + 250,
    );
    try {
      let failure: TransportError | undefined;
      for (const name of candidatesFor(hostname, searchRules())) {
        const [four, six] = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
        const addresses = [four, six].flatMap((answer) =>
          answer.status === 'fulfilled' ? answer.value : [],
        );
        if (addresses.length > 0) return addresses.slice(0, maxAddresses);
        const codes = [four, six].map((answer) =>
          answer.status === 'rejected' ? codeOf(answer.reason) : 'ENODATA',
        );
        const error = toError(plainName(hostname), codes, isLate);
        // A name that does not exist may exist in the next domain. A server that does not answer would not answer for
        // that either.
        if (error.reason === 'name_timeout' || error.reason === 'network_unreachable') throw error;
        // A server failure takes precedence over a name that does not exist.
        if (failure === undefined || error.reason === 'name_failed') failure = error;
      }
      throw failure ?? toError(plainName(hostname), ['ENOTFOUND'], isLate);
    } finally {
      clearTimeout(timer);
      resolvers.delete(resolver);
    }
  }

  /** The recent failure, if there was one. */
  function rememberedFailure(name: string): TransportError | undefined {
    const known = failures.get(name);
    if (known !== undefined && known.until > performance.now()) return known.error;
    failures.delete(name);
    return undefined;
  }

  async function shared(name: string): Promise<readonly string[]> {
    try {
      return await ask(name);
    } catch (error) {
      if (error instanceof TransportError) {
        const [oldest] = failures.keys();
        if (failures.size >= maxRemembered && oldest !== undefined) failures.delete(oldest);
        failures.set(name, { error, until: performance.now() + rememberMs });
      }
      throw error;
    } finally {
      underWay.delete(name);
    }
  }

  return {
    async resolve(hostname, signal) {
      const name = plainName(hostname);
      const known = localAddresses(name) ?? inHosts(name);
      if (known.length > 0) return known;
      // Keeps a dot at the end, which means that no domain may be appended.
      const asked = hostname.toLowerCase();
      let answer = underWay.get(asked);
      if (answer === undefined) {
        // Not part of `shared`: a promise that is rejected at once would stay in `underWay`.
        const failure = rememberedFailure(asked);
        if (failure !== undefined) throw failure;
        answer = shared(asked);
        underWay.set(asked, answer);
      }
      return signal === undefined ? answer : withSignal(answer, signal);
    },
    close() {
      for (const resolver of resolvers) resolver.cancel();
    },
  };
}

function withSignal<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function toError(name: string, codes: readonly string[], isLate: boolean): TransportError {
  const has = (code: string): boolean => codes.includes(code);
  if (isLate || has('ETIMEOUT') || has('ECANCELLED'))
    return new TransportError('name_timeout', `No name server answered for ${name} in time`);
  if (codes.every((code) => code === 'ECONNREFUSED'))
    return new TransportError('network_unreachable', 'No name server can be reached from this machine');
  if (codes.every((code) => code === 'ENOTFOUND' || code === 'ENODATA' || code === 'EBADNAME'))
    return new TransportError('name_not_found', `The name ${name} has no address`);
  return new TransportError(
    'name_failed',
    `The name server failed for ${name} (${[...new Set(codes)].join(', ')})`,
  );
}
