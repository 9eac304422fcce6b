// A real agent on a real store in a temporary folder, for one test.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Agent, createAgent } from '../../src/agent/agent.ts';
import type { AgentOptions } from '../../src/agent/agent-options.ts';
import type { LoggedEvent } from '../../src/contract/event.ts';
import type { PromptOptions } from '../../src/contract/prompt-options.ts';
import type { PromptResult } from '../../src/contract/prompt-result.ts';
import type { EventLog } from '../../src/events/event-log.ts';
import { createEventLog } from '../../src/events/log.ts';
import type { Store } from '../../src/store/store.ts';
import { openTestStore, type TestStore } from '../postgres/test-store.ts';

export interface RunningAgent {
  readonly agent: Agent;
  readonly log: EventLog;
  readonly store: Store;
  readonly workspace: string;
  /** Outside of the workspace. */
  readonly outside: string;
  readonly databasePath: string;
  write(path: string, content: string | Buffer): string;
  tool(name: string, params: Record<string, unknown>, signal?: AbortSignal): Promise<Record<string, unknown>>;
  prompt(prompt: string, options?: PromptOptions, sessionId?: string): Promise<PromptResult>;
  events(): Promise<readonly LoggedEvent[]>;
  /** Stops it before the end of the test, so that another one can open the store. */
  stop(): Promise<void>;
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'codebuddy-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface StartAgentOptions extends Partial<AgentOptions> {
  readonly folder?: string;
  /** @default the store of the folder */
  readonly opened?: TestStore;
  /** Wraps the store of the agent. */
  readonly heldStore?: (store: Store) => Store;
}

export async function startAgent(options: StartAgentOptions = {}): Promise<RunningAgent> {
  const { folder = temporaryFolder(), opened, heldStore = (given) => given, ...rest } = options;
  const workspace = join(folder, 'workspace');
  const outside = join(folder, 'outside');
  mkdirSync(workspace, { recursive: true });
  mkdirSync(outside, { recursive: true });
  const databasePath = join(folder, 'agent.db');
  const { store: real, ownership, close } = opened ?? (await openTestStore({ path: databasePath }));
  const store = heldStore(real);
  const log = createEventLog({ store, deltas: ownership.deltas });
  const agent = await createAgent({
    store,
    log,
    ownership,
    workspace,
    ...(rest.environment === undefined ? { models: ['offline'] } : {}),
    // A failed model is called again without delay.
    sleep: async (_ms, signal) => signal.throwIfAborted(),
    ...rest,
  });
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= agent
      .close(0)
      .then(() => log.close())
      .then(close);
    return stopping;
  };
  onTestFinished(stop);
  return {
    stop,
    agent,
    log,
    store,
    workspace,
    outside,
    databasePath,
    write(path, content) {
      const full = join(workspace, path);
      mkdirSync(dirname(full), { recursive: true });
      writeFileSync(full, content);
      return full;
    },
    async tool(name, params, signal = new AbortController().signal) {
      return (await agent.tools.execute(name, params, { signal })) as Record<string, unknown>;
    },
    async prompt(prompt, promptOptions = {}, sessionId) {
      const { result } = await agent.runs.start({
        prompt,
        options: promptOptions,
        requestId: 'test',
        ...(sessionId === undefined ? {} : { sessionId }),
      });
      return result;
    },
    events: () => log.read({ limit: 200 }),
  };
}
