// What an agent says while its program starts, which can take seconds.

import { useEffect, useState } from 'preact/hooks';
import { listen } from '../../app/live.ts';

/** Undefined once it works. */
export function useAgentStatus(sessionId: string): string | undefined {
  const [status, setStatus] = useState<string>();
  useEffect(() => {
    setStatus(undefined);
    return listen((event) => {
      if (event.sessionId !== sessionId) return;
      if (event.type === 'agent.status')
        setStatus(event.data.status === 'ready' ? undefined : event.data.text);
      else setStatus(undefined);
    });
  }, [sessionId]);
  return status;
}
