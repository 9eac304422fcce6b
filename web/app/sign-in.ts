// The sign-in of this browser and its scopes. No script can read the cookie; the token that belongs to it is kept for
// this origin, so that a new tab is signed in, too.

import { signal } from '@preact/signals';
import { CodeBuddyApiError, CodeBuddyClient, CodeBuddyConnectionError } from '../../src/client/web.ts';
import type { Caller } from '../../src/contract/sign-in.ts';
import { replacePlace } from './router.ts';

export type SignInState =
  | { readonly status: 'checking' }
  /** `reason`: why the last attempt failed. */
  | { readonly status: 'out'; readonly reason?: string }
  | { readonly status: 'unreachable' }
  | { readonly status: 'in'; readonly caller: Caller };

export const signIn = signal<SignInState>({ status: 'checking' });

const tokenKey = 'codebuddy.csrf-token';
const retryMs = 1000;

export const client = new CodeBuddyClient({ csrfToken: () => localStorage.getItem(tokenKey) ?? '' });

/** Signs in with the code in the address, if there is one, or with the cookie and token of this browser. */
export async function checkSignIn(): Promise<void> {
  const [, code] = /^#sign-in=(.+)$/.exec(location.hash) ?? [];
  if (code !== undefined) {
    // The code must not stay in the history.
    replacePlace([]);
    await signInWith(code);
    return;
  }
  try {
    signIn.value = { status: 'in', caller: await client.signIn.get() };
  } catch (error) {
    if (error instanceof CodeBuddyApiError && error.status === 401) signIn.value = { status: 'out' };
    else if (error instanceof CodeBuddyConnectionError) waitForServer();
    else signIn.value = { status: 'out', reason: messageOf(error) };
  }
}

/** `credential`: an API key, or a code of `codebuddy open`. */
export async function signInWith(credential: string): Promise<void> {
  try {
    const { csrfToken, ...caller } = await new CodeBuddyClient({ apiKey: credential }).signIn.create();
    localStorage.setItem(tokenKey, csrfToken);
    signIn.value = { status: 'in', caller };
  } catch (error) {
    signIn.value = { status: 'out', reason: messageOf(error) };
  }
}

export async function signOut(): Promise<void> {
  await client.signIn.delete();
  localStorage.removeItem(tokenKey);
  signIn.value = { status: 'out' };
}

/** Called when the server refuses the cookie: it has expired, or its key was revoked. */
export function signedOut(): void {
  if (signIn.value.status === 'in') signIn.value = { status: 'out', reason: 'Your sign-in has ended.' };
}

function waitForServer(): void {
  signIn.value = { status: 'unreachable' };
  setTimeout(() => void checkSignIn(), retryMs);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
