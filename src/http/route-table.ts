// All routes of a server, built in and added. A route that cannot work (a bad pattern, one there is already) is refused when it
// is added, with the router's own rules, not when the app is built.

import { createRequire } from 'node:module';
import type { HTTPMethod, HTTPVersion, Instance } from 'find-my-way';
import type { HttpMethod, RouteDefinition } from './route.ts';

const methods: readonly string[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] satisfies readonly HttpMethod[];

export class RouteTable {
  private readonly list: RouteDefinition[] = [];
  private open: ReadonlySet<string> = new Set();
  private rules: Instance<HTTPVersion.V1> | undefined;
  private ruled = 0;

  /** Adds built-in routes, which are known to fit. */
  addBuiltIn(routes: readonly RouteDefinition[]): void {
    this.list.push(...routes);
    this.collectOpen();
  }

  /** @throws TypeError for a method, path or handler that cannot work, or a route that exists */
  add(route: RouteDefinition): void {
    if (!methods.includes(route.method)) {
      throw new TypeError(
        `addRoute: the method must be one of ${methods.join(', ')}, not '${String(route.method)}'`,
      );
    }
    if (typeof route.path !== 'string' || !route.path.startsWith('/')) {
      throw new TypeError(`addRoute: the path must begin with '/', not '${String(route.path)}'`);
    }
    if (typeof route.handler !== 'function') throw new TypeError('addRoute: the handler must be a function');
    if (route.scope === 'open' && /:|\*./.test(route.path)) {
      throw new TypeError(
        `addRoute: an open route has no parameters ('${route.path}'): what needs no key is known by its plain path`,
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

  /** Paths that GET and HEAD reach without a key. */
  openPaths(): ReadonlySet<string> {
    return this.open;
  }

  private collectOpen(): void {
    const open = this.list.filter(({ scope, method }) => scope === 'open' && method === 'GET');
    this.open = new Set(open.map(({ path }) => path));
  }

  /** A router without handlers; made (and its package loaded) only when a host adds routes. */
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
