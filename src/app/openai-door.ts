// The OpenAI-compatible routes over the agent. Their module is loaded at the first request.

import type { Agent } from '../agent/agent.ts';
import type { EventLog } from '../events/event-log.ts';
import type { OpenAiDoor } from '../openai/door.ts';

export function openAiDoor(
  log: EventLog,
  { runs, sessions, models, agents, answerAlone }: Agent,
): () => Promise<OpenAiDoor> {
  let door: Promise<OpenAiDoor> | undefined;
  return () => {
    door ??= import('../openai/door.ts').then(({ createOpenAiDoor }) =>
      createOpenAiDoor({
        runs,
        sessions,
        events: log,
        models: models.list,
        agents: agents.list,
        answerAlone,
      }),
    );
    return door;
  };
}
