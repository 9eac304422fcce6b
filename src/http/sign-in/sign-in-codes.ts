// Sign-in codes: `codebuddy open` creates one and opens the browser with it, so that no key has to be copied. The page
// sends the code once, as `Authorization: Bearer sgn_…`, and gets a cookie for it.

/** The only route that accepts a sign-in code. */
export const signInPath = '/api/sign-in';
export const signInCodePrefix = 'sgn_';

/** The sign-in code in the value of `Authorization`. */
export function signInCodeOf(authorization: string | undefined): string | undefined {
  return /^bearer +(sgn_\S+)$/i.exec(authorization ?? '')?.[1];
}
