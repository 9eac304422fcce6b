// What thinks for a run. The offline agent is one driver; a language model will be another. A driver only says what to do:
// sessions, messages, events, limits and cancelling are the run's business.

import type { PromptOptions, Usage } from './types.ts';

export interface DriverContext {
  readonly prompt: string;
  readonly options: PromptOptions;
  readonly signal: AbortSignal;
  /** Sends a piece of the answer to those who watch. */
  readonly say: (text: string) => void;
  /** Runs a tool of this run; throws the CodeBuddyError of a tool that failed. */
  readonly useTool: (name: string, params: Record<string, unknown>) => Promise<unknown>;
}

export interface DriverResult {
  readonly response: string;
  readonly model: string;
  readonly usage: Usage;
  /** US dollars. */
  readonly cost: number;
  readonly finishReason: 'stop' | 'max_steps' | 'error';
}

export interface Driver {
  /** As in the `model` field of an answer. */
  readonly model: string;
  respond(context: DriverContext): Promise<DriverResult>;
}
