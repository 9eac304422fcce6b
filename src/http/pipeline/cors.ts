// Step 3: what a web page of another origin may do. Off by default: its reads stay unreadable to it (no CORS headers) and its
// writes are refused, key or not, since "simple" requests reach a server without any preflight.

/** `false`: none; `true`: any origin, never with credentials; else these origins. */
export type CorsSetting = boolean | readonly string[];

export type CorsVerdict =
  | { readonly kind: 'pass'; readonly headers: readonly string[] | null }
  | { readonly kind: 'refused' };

const passed: CorsVerdict = { kind: 'pass', headers: null };
const refused: CorsVerdict = { kind: 'refused' };

const exposed = 'X-Request-Id, Location, Retry-After, Preference-Applied, Idempotency-Replayed, Allow';
const anyOrigin: CorsVerdict = {
  kind: 'pass',
  headers: ['Access-Control-Allow-Origin', '*', 'Access-Control-Expose-Headers', exposed],
};
const variesByOrigin: CorsVerdict = { kind: 'pass', headers: ['Vary', 'Origin'] };

/** What a preflight is answered with beside the origin; the same for every path, so it tells nothing of the routes. */
export const preflightHeaders: Readonly<Record<string, string>> = {
  'Access-Control-Allow-Methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
  'Access-Control-Allow-Headers':
    'Authorization, X-API-Key, Content-Type, Accept, Idempotency-Key, Last-Event-ID, Prefer, X-Request-Id',
  'Access-Control-Max-Age': '600',
};

/** Makes the check of `Origin` for one setting. */
export function makeCorsCheck(
  setting: CorsSetting,
): (origin: string | undefined, host: string, changesState: boolean) => CorsVerdict {
  const allowed = new Map<string, CorsVerdict>();
  if (typeof setting === 'object') {
    for (const entry of setting) {
      const origin = entry.trim().replace(/\/$/, '').toLowerCase();
      allowed.set(origin, {
        kind: 'pass',
        headers: [
          'Access-Control-Allow-Origin',
          origin,
          'Vary',
          'Origin',
          'Access-Control-Expose-Headers',
          exposed,
        ],
      });
    }
  }
  return (origin, host, changesState) => {
    if (setting === true) return anyOrigin;
    if (origin === undefined) return setting === false ? passed : variesByOrigin;
    const known = allowed.get(origin.toLowerCase());
    if (known !== undefined) return known;
    if (isSameOrigin(origin, host)) return passed;
    if (changesState) return refused;
    return setting === false ? passed : variesByOrigin;
  };
}

/** A page that this server itself (or a proxy under the same name) has served. */
function isSameOrigin(origin: string, host: string): boolean {
  const lower = origin.toLowerCase();
  return lower === `http://${host.toLowerCase()}` || lower === `https://${host.toLowerCase()}`;
}
