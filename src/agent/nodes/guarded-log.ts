// The log for runs that this node may lose: events of a lost run are refused. The store refuses the writes of a node that
// was declared dead, but the node joins again soon, while work on a lost run may still come to its end.

import type { EventLog } from '../../events/event-log.ts';
import { lostRun } from './agent-node.ts';

export function guardLog(log: EventLog, isLost: (runId: string) => boolean): EventLog {
  return {
    ...log,
    async append(events, writes) {
      if (events.some(({ runId }) => runId !== undefined && isLost(runId))) throw lostRun();
      return log.append(events, writes);
    },
    publish(delta) {
      if (delta.runId === undefined || !isLost(delta.runId)) log.publish(delta);
    },
  };
}
