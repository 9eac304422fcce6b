// The tools of the agent. One opens to a form of its parameters, runs, and shows its result.

import type { ToolDescription } from '../../../src/client/web.ts';
import { allOf } from '../../app/all-of.ts';
import { useResource } from '../../app/resource.ts';
import { hrefOf, setQuery } from '../../app/router.ts';
import { client } from '../../app/sign-in.ts';
import type { ViewProps } from '../../app/view-props.ts';
import { formatCount } from '../../parts/format.ts';
import { Content, Empty } from '../../parts/state.tsx';
import { McpServers } from './mcp-servers.tsx';
import { ToolForm } from './tool-form.tsx';

export default function ToolsView({ path: [name], query: { filter = '' } }: ViewProps) {
  const tools = useResource('tools', (signal) => allOf(client.tools.list({ signal })));
  const words = filter.toLowerCase();
  return (
    <>
      <header>
        <h1>Tools</h1>
        {tools.value !== undefined && <span class="quiet">{formatCount(tools.value.length)}</span>}
        <input
          type="text"
          aria-label="Filter by name or description"
          placeholder="Filter"
          value={filter}
          spellcheck={false}
          onInput={({ currentTarget }) => setQuery({ filter: currentTarget.value })}
        />
      </header>
      <McpServers onChanged={tools.reload} />
      <Content of={tools}>
        {(all) => {
          const shown = all.filter((tool) =>
            `${tool.name} ${tool.description}`.toLowerCase().includes(words),
          );
          const open = all.find((tool) => tool.name === name);
          return (
            <div class={name === undefined ? 'panes' : 'panes is-open'}>
              <ToolList tools={shown} open={name} filter={filter} isNone={all.length === 0} />
              {name === undefined ? (
                <p class="quiet wide-only">Choose a tool to run it. It runs without the agent.</p>
              ) : open === undefined ? (
                <Empty>This server has no tool named {name}.</Empty>
              ) : (
                <ToolForm key={name} tool={open} />
              )}
            </div>
          );
        }}
      </Content>
    </>
  );
}

interface ListProps {
  readonly tools: readonly ToolDescription[];
  readonly open: string | undefined;
  readonly filter: string;
  readonly isNone: boolean;
}

function ToolList({ tools, open, filter, isNone }: ListProps) {
  return (
    <nav class="panel pane-list" aria-label="Tools">
      {tools.length === 0 &&
        (isNone ? (
          <Empty>No tools. To add those of MCP servers: codebuddy mcp-servers add NAME.</Empty>
        ) : (
          <Empty>No tool matches the filter.</Empty>
        ))}
      <ul>
        {tools.map(({ name, description, readOnly }) => (
          <li key={name}>
            <a
              class="tool-entry"
              href={hrefOf(['tools', name], { filter })}
              aria-current={name === open ? 'true' : undefined}
            >
              <span class="row">
                <code class="cut grow">{name}</code>
                {!readOnly && <span class="chip">may change</span>}
              </span>
              <span class="quiet cut tool-about">{description.replaceAll('`', '')}</span>
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
