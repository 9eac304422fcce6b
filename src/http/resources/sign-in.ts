// The routes with which a browser signs in, so that pages need not keep an API key.

import type { FastifyRequest } from 'fastify';
import { callerSchema, signInCodeSchema, signInSchema } from '../../contract/sign-in.ts';
import type { HttpContext } from '../context.ts';
import { callerOf } from '../pipeline/caller.ts';
import { factsOf } from '../pipeline/request-facts.ts';
import { unauthorized } from '../pipeline/unauthorized.ts';
import type { RouteDefinition } from '../route.ts';
import { signInPath } from '../sign-in/sign-in-codes.ts';

/** The routes of the sign-in. */
export function signInRoutes(context: HttpContext): readonly RouteDefinition[] {
  return [
    {
      method: 'GET',
      path: signInPath,
      operationId: 'getSignIn',
      summary: 'Get who you are, and what you may do.',
      scope: 'read',
      schema: { response: { 200: callerSchema } },
      handler: (request) => {
        const { keyId, scopes } = callerOf(request);
        return { keyId, scopes, expiresAt: timeOf(factsOf(request).identity?.signedInUntil) };
      },
    },
    {
      method: 'POST',
      path: signInPath,
      operationId: 'createSignIn',
      summary: 'Sign a browser in.',
      description:
        'Sets a cookie that no script can read, and returns the token to send with it as `X-CSRF-Token`. The browser may then do what ' +
        'the key may, for 7 days. Send the key, or a code of `POST /api/sign-in-codes`, as `Authorization: Bearer`. A request that is signed in ' +
        'already starts the 7 days anew.',
      scope: 'read',
      schema: { response: { 201: signInSchema } },
      docs: { responseHeaders: { 201: ['Set-Cookie'] } },
      handler: async (request, reply) => {
        const { signInCode } = factsOf(request).identity ?? {};
        if (signInCode !== undefined && !(await context.signInCodes.take(signInCode))) {
          throw unauthorized('The sign-in code was already used.');
        }
        const { keyId, scopes } = callerOf(request);
        const signIn = context.signInCookies.signIn({ keyId, scopes }, hostOf(request), isSecure(request));
        reply.code(201).header('Set-Cookie', signIn.setCookie);
        return { keyId, scopes, expiresAt: timeOf(signIn.expiresAt), csrfToken: signIn.csrfToken };
      },
    },
    {
      method: 'DELETE',
      path: signInPath,
      operationId: 'deleteSignIn',
      summary: 'Sign this browser out.',
      scope: 'read',
      schema: { response: { 204: { type: 'null' } } },
      docs: { responseHeaders: { 204: ['Set-Cookie'] } },
      handler: (request, reply) =>
        reply
          .code(204)
          .header('Set-Cookie', context.signInCookies.signOut(hostOf(request), isSecure(request)))
          .send(),
    },
    {
      method: 'POST',
      path: '/api/sign-in-codes',
      operationId: 'createSignInCode',
      summary: 'Create a code that signs one browser in.',
      description:
        'The code is valid once, for 60 s, with the scopes of the key that created it. Open `/#sign-in=CODE` in a browser.',
      scope: 'read',
      schema: { response: { 201: signInCodeSchema } },
      handler: (request, reply) => {
        const { keyId, scopes } = callerOf(request);
        const { token, expiresAt } = context.signInCodes.issue({ keyId, scopes });
        reply.code(201);
        return { code: token, expiresAt: timeOf(expiresAt) };
      },
    },
  ];
}

function hostOf(request: FastifyRequest): string {
  return request.headers.host ?? '';
}

/** A browser sends `Origin` with each request that changes something. */
function isSecure(request: FastifyRequest): boolean {
  return request.headers.origin?.startsWith('https://') === true;
}

function timeOf(milliseconds: number | undefined): string | null {
  return milliseconds === undefined ? null : new Date(milliseconds).toISOString();
}
