// `client.tools`.

import type { Answer, ToolDescription } from '../api-objects.ts';
import type { CallOptions } from '../call-options.ts';
import type { PageList } from '../paging.ts';
import { pathOf, toQuery } from '../query.ts';
import { Resource } from './resource.ts';

/** Tools of the agent. */
export class Tools extends Resource {
  /** Lists tools with the JSON Schemas of their parameters. */
  list(options: CallOptions = {}): PageList<Answer<'listTools', 200>, ToolDescription> {
    return this.calls.list('/api/tools', options, {}, ({ tools }) => tools);
  }

  /**
   * Runs a tool, without the agent and without asking for permission. With `sessionId`, it runs in the workspace of that
   * session, and the files that it changes are among the changes of the session.
   *
   * @throws CodeBuddyApiError `tool_not_found`, `validation_failed`, `permission_denied`, `tool_failed`
   * @example
   * const { result } = await client.tools.run('read_file', { path: 'README.md' });
   */
  run(
    tool: string,
    input: Readonly<Record<string, unknown>> = {},
    { sessionId, ...options }: CallOptions & { readonly sessionId?: string } = {},
  ): Promise<Answer<'runTool', 200>> {
    const path = pathOf('tools', tool) + toQuery({ sessionId });
    return this.calls.send('POST', path, input, { timeoutMs: 0, ...options });
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
