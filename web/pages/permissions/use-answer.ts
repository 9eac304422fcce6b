// Sends an answer to the inbox. One that comes too late only closes the card.

import { useState } from 'preact/hooks';
import { CodeBuddyApiError } from '../../../src/client/web.ts';
import { reloadInbox } from '../../app/inbox.ts';
import { notify, notifyError } from '../../parts/toast.tsx';

export interface Answering {
  /** True from the answer on, so that it is sent only once. */
  readonly isSent: boolean;
  send(answer: () => Promise<unknown>): Promise<void>;
}

const late = /^(permission|question|tool_call)_(resolved|not_found)$/;

export function useAnswer(): Answering {
  const [isSent, setSent] = useState(false);
  return {
    isSent,
    async send(answer) {
      setSent(true);
      try {
        await answer();
      } catch (error) {
        setSent(false);
        if (!(error instanceof CodeBuddyApiError && late.test(error.code))) return notifyError(error);
        notify('This was already answered, or it has expired.');
      }
      reloadInbox();
    },
  };
}
