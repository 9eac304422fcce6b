// Triggers on a real agent and store, with a clock that the test moves.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { TriggerCall } from '../../src/contract/trigger-call.ts';
import { openTriggers, type Triggers } from '../../src/triggers/triggers.ts';
import { type RunningAgent, startAgent, temporaryFolder } from '../agent/start-agent.ts';

export interface TestClock {
  time: number;
  readonly now: () => number;
  readonly after: (ms: number, work: () => void) => () => void;
  /** Sets the time, and calls all that waits: a timer may also fire early. Call it until its effect is seen. */
  advanceTo(time: string): void;
}

export function createTestClock(start: string): TestClock {
  const timers = new Set<{ readonly work: () => void }>();
  const clock: TestClock = {
    time: Date.parse(start),
    now: () => clock.time,
    after(_ms, work) {
      const timer = { work };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advanceTo(time) {
      clock.time = Date.parse(time);
      for (const timer of [...timers]) {
        timers.delete(timer);
        timer.work();
      }
    },
  };
  return clock;
}

export interface RunningTriggers extends RunningAgent {
  readonly triggers: Triggers;
  readonly warnings: readonly string[];
  /** Of a trigger, oldest first. */
  calls(id: string): Promise<readonly TriggerCall[]>;
  /** Opens the triggers once more on the same store, as another node or a later start does. */
  open(clock?: TestClock): Promise<Triggers>;
}

export async function startTriggers({
  clock,
  file,
}: {
  readonly clock: TestClock;
  /** The content of triggers.json. */
  readonly file?: unknown;
}): Promise<RunningTriggers> {
  const folder = temporaryFolder();
  const path = join(folder, 'triggers.json');
  if (file !== undefined) writeFileSync(path, JSON.stringify(file), { mode: 0o600 });
  const running = await startAgent({ folder, now: clock.now });
  const warnings: string[] = [];
  async function open(by: TestClock = clock): Promise<Triggers> {
    const opened = await openTriggers({
      store: running.store,
      log: running.log,
      runs: running.agent.runs,
      path,
      modes: {},
      learn: () => undefined,
      warn: (message) => warnings.push(message),
      clock: by,
    });
    onTestFinished(() => opened.close());
    return opened;
  }
  const triggers = await open();
  return {
    ...running,
    triggers,
    warnings,
    open,
    async calls(id) {
      const { items } = await triggers.calls(id, { limit: 200 });
      return [...items].reverse();
    },
  };
}
