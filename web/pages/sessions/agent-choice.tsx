// The choice of the agent for a new session. It is remembered in this browser.

import type { Agent } from '../../../src/client/web.ts';
import { statusWords, usableOf } from '../../app/agents.ts';

const key = 'codebuddy.agent';

/** Empty: the default of the server. */
export function rememberedAgent(): string {
  return localStorage.getItem(key) ?? '';
}

export function rememberAgent(name: string): void {
  if (name === '') localStorage.removeItem(key);
  else localStorage.setItem(key, name);
}

export interface AgentChoiceProps {
  readonly agents: readonly Agent[];
  readonly chosen: string;
  readonly onChoose: (name: string) => void;
}

/** Nothing, if there is only one agent. */
export function AgentChoice({ agents, chosen, onChoose }: AgentChoiceProps) {
  const usable = usableOf(agents);
  const byDefault = agents.find(({ isDefault }) => isDefault);
  if (usable.length < 2 && chosen === '') return null;
  return (
    <select aria-label="Agent" value={chosen} onChange={({ currentTarget }) => onChoose(currentTarget.value)}>
      <option value="">default agent{byDefault === undefined ? '' : ` (${byDefault.name})`}</option>
      {/* The agents are not loaded yet. */}
      {chosen !== '' && usable.length === 0 && <option value={chosen}>{chosen}</option>}
      {usable.map(({ name, title, status }) => (
        <option key={name} value={name}>
          {title}
          {status === 'not_signed_in' ? `, ${statusWords[status]}` : ''}
        </option>
      ))}
    </select>
  );
}

/** Why an option of a prompt cannot be set; undefined if it can, or if that is not known. */
export function lackOf(agent: Agent | undefined, option: 'model' | 'maxCost'): string | undefined {
  const can = agent?.capabilities[option];
  if (agent === undefined || can === true) return undefined;
  // A budget needs reports: it is refused until the agent has sent one.
  if (can === null && option === 'model') return undefined;
  return option === 'model'
    ? `${agent.title} does not let clients choose its model.`
    : `${agent.title} ${can === null ? 'has not reported costs yet' : 'does not report costs'}.`;
}
