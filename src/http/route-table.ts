// The routes of a server, built-in and added. An invalid route (bad pattern, duplicate) is refused when it is added, by
// the rules of the router itself, and not later when the app is built.

import { createRequire } from 'node:module';
import type { HTTPMethod, HTTPVersion, Instance } from 'find-my-way';
import type { HttpMethod, RouteDefinition } from './route.ts';

const methods: readonly string[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] satisfies readonly HttpMethod[];

/** All routes of one server, in order. */
export class RouteTable {
  private readonly list: RouteDefinition[] = [];
  private open: ReadonlySet<string> = new Set();
  private signed: ReadonlySet<string> = new Set();
  private rules: Instance<HTTPVersion.V1> | undefined;
  private ruled = 0;

  /** Adds built-in routes without checks. */
  addBuiltIn(routes: readonly RouteDefinition[]): void {
    this.list.push(...routes);
    this.collectOpen();
  }

  /** Adds a route. @throws TypeError for an invalid method, path or handler, or a duplicate route */
  add(route: RouteDefinition): void {
    if (!methods.includes(route.method)) {
      throw new TypeError(
        `addRoute: the method must be one of ${methods.join(', ')}, not "${String(route.method)}"`,
      );
    }
    if (typeof route.path !== 'string' || !route.path.startsWith('/')) {
      throw new TypeError(`addRoute: the path must begin with "/", not "${String(route.path)}"`);
    }
    if (typeof route.handler !== 'function') throw new TypeError('addRoute: the handler must be a function');
    if (route.scope === 'open' && /:|\*./.test(route.path)) {
      throw new TypeError(
        `addRoute: the open route "${route.path}" must not have parameters, because the gate matches open paths literally`,
      );
    }
    const rules = this.currentRules();
    try {
      rules.on(route.method as HTTPMethod, route.path, () => undefined);
    } catch (cause) {
      throw new TypeError(`addRoute: ${route.method} ${route.path} cannot be added: ${reasonOf(cause)}`, {
        cause,
      });
    }
    this.list.push(route);
    this.ruled = this.list.length;
    this.collectOpen();
  }

  all(): readonly RouteDefinition[] {
    return this.list;
  }

  /** Paths that need no API key for GET and HEAD. */
  openPaths(): ReadonlySet<string> {
    return this.open;
  }

  /** Paths that need no API key for POST, because their handlers verify signatures: `/triggers/*`. */
  signedPaths(): ReadonlySet<string> {
    return this.signed;
  }

  private collectOpen(): void {
    const signed = this.list.filter(({ isSigned }) => isSigned === true);
    this.signed = new Set(signed.map(({ path }) => `${path.slice(0, path.lastIndexOf('/'))}/*`));
    const open = this.list.filter(({ scope, method }) => scope === 'open' && method === 'GET');
    this.open = new Set(open.map(({ path }) => path));
  }

  /** A router without handlers. Its package is loaded only when a host application adds routes. */
  private currentRules(): Instance<HTTPVersion.V1> {
    let { rules } = this;
    if (rules === undefined) {
      const findMyWay = createRequire(import.meta.url)('find-my-way') as typeof import('find-my-way');
      rules = findMyWay({ maxParamLength: 1024 });
      this.rules = rules;
    }
    for (; this.ruled < this.list.length; this.ruled++) {
      const { method, path } = this.list[this.ruled] as RouteDefinition;
      rules.on(method, path, () => undefined);
    }
    return rules;
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
