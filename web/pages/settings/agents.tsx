// The agents that could answer: which are there, who is signed in, and what each can do.

import type { Agent } from '../../../src/client/web.ts';
import { statusClass, statusWords, usableOf, useAgents } from '../../app/agents.ts';
import { CardTable } from '../../parts/card-table.tsx';
import { CodeText } from '../../parts/code-text.tsx';
import { plural } from '../../parts/format.ts';
import { Content } from '../../parts/state.tsx';

export function Agents() {
  const agents = useAgents();
  return (
    <Content of={agents}>
      {(all) => (
        <div class="stack">
          <p>
            <code>{all[0]?.name}</code> answers new sessions that name no agent. A session stays with its
            agent.
          </p>
          <div class="row wrap">
            <span class="quiet grow">
              {plural(all.length, 'agent')}, {usableOf(all).length} found
            </span>
            <button type="button" onClick={agents.reload}>
              Look again
            </button>
          </div>
          <div class="panel">
            <CardTable columns={['Agent', 'Status', 'Setup', 'Permission modes', 'Can']}>
              {all.map((agent) => (
                <Row key={agent.name} agent={agent} />
              ))}
            </CardTable>
          </div>
          <p class="quiet">
            Choose another one with <code>codebuddy serve --agent NAME</code>, or add your own as{' '}
            <code>agents</code> in config.json. Looking starts no agent.
          </p>
        </div>
      )}
    </Content>
  );
}

function Row({ agent }: { readonly agent: Agent }) {
  const { name, title, command, status, detail, version, isDefault, permissionModes } = agent;
  return (
    <tr>
      <td>
        <code>{name}</code> {isDefault && <span class="chip good">default</span>}
        <div class="quiet">
          {title}
          {version !== null && ` ${version}`}
        </div>
      </td>
      <td>
        <span class={statusClass(status)}>{statusWords[status]}</span>
      </td>
      <td data-label="Setup" class="break">
        <CodeText text={detail} />
        {command !== null && (
          <div class="quiet">
            <code>{command}</code>
          </div>
        )}
      </td>
      <td data-label="Permission modes" class="quiet">
        {permissionModes.join(', ') || 'none'}
      </td>
      <td data-label="Can">
        <Abilities agent={agent} />
      </td>
    </tr>
  );
}

const abilities: Readonly<Record<keyof Agent['capabilities'], string>> = {
  model: 'another model',
  system: 'system prompt',
  maxSteps: 'step limit',
  maxTokens: 'token limit',
  maxCost: 'cost limit',
  resume: 'resume after a restart',
  fork: 'fork',
  images: 'images',
  mcp: 'MCP servers',
};

/** What it can do, what it cannot, and what its first answer will show. */
function Abilities({ agent: { capabilities } }: { readonly agent: Agent }) {
  const named = (wanted: boolean | null): string =>
    Object.entries(abilities)
      .filter(([name]) => capabilities[name as keyof typeof capabilities] === wanted)
      .map(([, words]) => words)
      .join(', ');
  const [can, cannot, open] = [named(true), named(false), named(null)];
  return (
    <>
      {can !== '' && <div>{can}</div>}
      {cannot !== '' && <div class="quiet">not: {cannot}</div>}
      {open !== '' && <div class="quiet">known after its first answer: {open}</div>}
    </>
  );
}
