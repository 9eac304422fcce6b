// Reads the facts that an agent reports: in its answer to `initialize`, with a session, and in turns.

import { isRecord } from '../../base/is-record.ts';
import type { AcpProcess } from './acp-process.ts';
import { type AgentFacts, unknownFacts } from './agent-config.ts';
import { modelsOf, modesOf, type OpenSession } from './session-options.ts';

export class LearnedFacts {
  #facts: AgentFacts = unknownFacts;

  get facts(): AgentFacts {
    return this.#facts;
  }

  started({ about }: Pick<AcpProcess, 'about'>): void {
    const info = isRecord(about.agentInfo) ? about.agentInfo : {};
    const can = isRecord(about.agentCapabilities) ? about.agentCapabilities : {};
    const session = isRecord(can.sessionCapabilities) ? can.sessionCapabilities : {};
    const prompt = isRecord(can.promptCapabilities) ? can.promptCapabilities : {};
    this.#learn(
      { version: typeof info.version === 'string' ? info.version : null },
      {
        resume: can.loadSession === true || isRecord(session.resume),
        images: prompt.image === true,
      },
    );
  }

  opened(session: OpenSession): void {
    const models = modelsOf(session)?.values ?? null;
    this.#learn(
      { models, modes: modesOf(session)?.values ?? null, isSignedIn: true },
      { model: models !== null && models.length > 0 },
    );
  }

  needsSignIn(): void {
    this.#learn({ isSignedIn: false }, {});
  }

  /** At the end of a turn. An agent that has reported once can report. */
  reported({ cost, tokens }: { readonly cost: boolean; readonly tokens: boolean }): void {
    const { maxCost, maxTokens } = this.#facts.capabilities;
    this.#learn({}, { maxCost: cost || maxCost === true, maxTokens: tokens || maxTokens === true });
  }

  #learn(facts: Partial<AgentFacts>, capabilities: AgentFacts['capabilities']): void {
    this.#facts = {
      ...this.#facts,
      ...facts,
      capabilities: { ...this.#facts.capabilities, ...capabilities },
    };
  }
}
