// The MCP servers, with their states: below the list of tools.

import type { McpServer } from '../../../src/client/web.ts';
import { useResource } from '../../app/resource.ts';
import { may } from '../../app/scope.ts';
import { client } from '../../app/sign-in.ts';
import { attempt } from '../../parts/toast.tsx';

const classes: Readonly<Record<McpServer['state'], string>> = {
  running: 'chip good',
  failed: 'chip bad',
  'not started': 'chip',
  starting: 'chip',
  disabled: 'chip',
};

/** Nothing, if there are none. */
export function McpServers({ onChanged }: { readonly onChanged: () => void }) {
  const servers = useResource('mcp-servers', (signal) => client.mcpServers.list({ signal }), {
    changedBy: ['mcp.'],
  });
  const right = may('admin');
  const all = servers.value?.mcpServers ?? [];
  if (all.length === 0) return null;
  const change = (work: () => Promise<unknown>, done: string): void =>
    void attempt(work, done).then(() => {
      servers.reload();
      onChanged();
    });
  return (
    <section class="panel stack" aria-label="MCP servers">
      <h2>MCP servers</h2>
      <ul class="stack">
        {all.map(({ name, origin, state, tools, command, url, lastError }) => (
          <li key={name} class="stack">
            <span class="row wrap">
              <code>{name}</code>
              <span class={classes[state]}>{state}</span>
              {state === 'running' && <span class="quiet">{tools} tools</span>}
              <span class="quiet cut grow mono" title={command ?? url ?? ''}>
                {command ?? url}
              </span>
              <button
                type="button"
                disabled={right.disabled || state === 'disabled'}
                title={right.title}
                onClick={() => change(() => client.mcpServers.restart(name), `${name} was started again.`)}
              >
                Restart
              </button>
              {origin === 'api' && (
                <button
                  type="button"
                  {...right}
                  onClick={() => change(() => client.mcpServers.remove(name), `${name} was removed.`)}
                >
                  Remove
                </button>
              )}
            </span>
            {lastError !== null && <pre class="bad">{lastError}</pre>}
          </li>
        ))}
      </ul>
    </section>
  );
}
