// `client.tools`.

import type { Answer } from '../api-objects.ts';
import type { CallOptions } from '../call-options.ts';
import type { Calls } from '../calls.ts';

/** Tools of the agent. */
export class Tools {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** Lists tools with the JSON Schemas of their parameters. */
  list(options: CallOptions = {}): Promise<Answer<'listTools', 200>> {
    return this.#calls.get('/api/tools', options);
  }

  /**
   * Runs a tool, without the agent and without asking for permission.
   *
   * @throws ApiError `tool_not_found`, `validation_failed`, `permission_denied`, `tool_failed`
   * @example
   * const { result } = await client.tools.execute('read', { path: 'README.md' });
   */
  execute(
    tool: string,
    params: Readonly<Record<string, unknown>> = {},
    options: CallOptions = {},
  ): Promise<Answer<'runTool', 200>> {
    return this.#calls.send('POST', `/api/tools/${encodeURIComponent(tool)}`, params, options);
  }
}
