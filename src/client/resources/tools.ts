// `client.tools`.

import type { Answer } from '../api-objects.ts';
import type { CallOptions } from '../call-options.ts';
import { pathOf } from '../query.ts';
import { Resource } from './resource.ts';

/** Tools of the agent. */
export class Tools extends Resource {
  /** Lists tools with the JSON Schemas of their parameters. */
  list(options?: CallOptions): Promise<Answer<'listTools', 200>> {
    return this.calls.get('/api/tools', options);
  }

  /**
   * Runs a tool, without the agent and without asking for permission.
   *
   * @throws CodeBuddyApiError `tool_not_found`, `validation_failed`, `permission_denied`, `tool_failed`
   * @example
   * const { result } = await client.tools.run('read_file', { path: 'README.md' });
   */
  run(
    tool: string,
    input: Readonly<Record<string, unknown>> = {},
    options?: CallOptions,
  ): Promise<Answer<'runTool', 200>> {
    return this.calls.send('POST', pathOf('tools', tool), input, { timeoutMs: 0, ...options });
  }

  /** @deprecated Use `run`. */
  execute(
    tool: string,
    input: Readonly<Record<string, unknown>> = {},
    options?: CallOptions,
  ): Promise<Answer<'runTool', 200>> {
    return this.run(tool, input, options);
  }
}
