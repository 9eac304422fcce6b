// The whole program with one more agent, `scripted` (test/agent/acp/scripted-agent.ts).

import { type Behaviour, script } from '../../agent/acp/script.ts';
import { acpConfig } from '../../agent/acp/start-acp.ts';
import { temporaryFolder } from '../../agent/start-agent.ts';
import { type StartAppOptions, type StartedApp, startApp } from '../start-app.ts';

export interface ScriptedAppOptions extends StartAppOptions {
  /** Fields of its entry in `agents`. */
  readonly agent?: object;
}

export function startScripted(
  behaviour: Behaviour = {},
  { config = {}, agent = {}, ...options }: ScriptedAppOptions = {},
): Promise<StartedApp> {
  const agents = acpConfig(temporaryFolder(), behaviour, agent);
  return startApp({ config: { watch: false, agents, ...config }, ...options });
}

export const hello = script({ say: 'Hello.' });
export const byScripted = { prompt: hello, options: { agent: 'scripted' } } as const;
