// CORS: decides what a web page of another origin may do. Off by default: no CORS headers, so the page cannot read
// answers, and requests that change something are refused even with a key, because "simple" requests arrive without a
// preflight.

/** `false`: no origin; `true`: any origin, never with credentials; a list: these origins. */
export type CorsSetting = boolean | readonly string[];

export type CorsVerdict =
  | { readonly kind: 'pass'; readonly headers: readonly string[] | null }
  | { readonly kind: 'refused' };

const passed: CorsVerdict = { kind: 'pass', headers: null };
const refused: CorsVerdict = { kind: 'refused' };

const exposed =
  'X-Request-Id, Location, Retry-After, Preference-Applied, Idempotency-Replayed, Allow, RateLimit, RateLimit-Policy, X-CodeBuddy-Session, X-CodeBuddy-Run';
const anyOrigin: CorsVerdict = {
  kind: 'pass',
  headers: ['Access-Control-Allow-Origin', '*', 'Access-Control-Expose-Headers', exposed],
};
const variesByOrigin: CorsVerdict = { kind: 'pass', headers: ['Vary', 'Origin'] };

/** Headers of the answer to a preflight. The same for every path, so they reveal nothing about the routes. */
export const preflightHeaders: Readonly<Record<string, string>> = {
  'Access-Control-Allow-Methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
  'Access-Control-Allow-Headers':
    'Authorization, X-API-Key, Content-Type, Accept, Idempotency-Key, Last-Event-ID, Prefer, X-Request-Id, ' +
    'X-CodeBuddy-Session, X-OpenWebUI-Chat-Id, OpenAI-Beta, OpenAI-Organization, OpenAI-Project, X-Stainless-Arch, ' +
    'X-Stainless-Helper-Method, X-Stainless-Lang, X-Stainless-OS, X-Stainless-Package-Version, X-Stainless-Retry-Count, ' +
    'X-Stainless-Runtime, X-Stainless-Runtime-Version, X-Stainless-Timeout',
  'Access-Control-Max-Age': '600',
};

/** Creates the check of `Origin` for one setting. */
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

/** True for a page served by this server, or by a proxy with the same host name. */
function isSameOrigin(origin: string, host: string): boolean {
  const lower = origin.toLowerCase();
  return lower === `http://${host.toLowerCase()}` || lower === `https://${host.toLowerCase()}`;
}
