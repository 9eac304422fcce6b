// What thinks for a run: the offline agent is one driver, language models are the other. A driver only says what to do; sessions,
// messages, events, permissions, limits and cancelling are the run's business.

import type { Message } from '../contract/message.ts';
import type { PromptOptions } from '../contract/prompt.ts';
import type { ToolDescription } from '../contract/tool.ts';
import type { Usage } from '../contract/usage.ts';
import type { ToolOutcome } from './tools/tool-box.ts';
import type { NewTurn, Transcript } from './transcript.ts';

/** What was summed up of a conversation that grew too long. */
export interface Summary {
  readonly text: string;
  /** The id of the last message, or entry of the transcript, that it stands for. */
  readonly until: string;
}

/** Why a run must not go on. */
export type Budget = 'token_limit' | 'cost_limit';

export interface DriverContext {
  readonly runId: string;
  /** Reads the prompt. A run that waits does not keep it in memory. */
  readonly prompt: () => Promise<string>;
  readonly options: PromptOptions;
  readonly signal: AbortSignal;
  /** May the caller run tools by words of its own? (The key's scope `tools`.) */
  readonly mayUseTools: boolean;
  /** True if the run goes on after it was cut off. */
  readonly isResumed: boolean;
  /** Sends a piece of the answer to those who watch. */
  readonly say: (text: string) => void;
  /** When the session began, in Unix ms. */
  readonly sessionBeganAt: number;
  /** The messages of this run, oldest first. */
  readonly ownMessages: () => Promise<readonly Message[]>;
  /** The conversation after what `summary` stands for, this run included. */
  readonly transcript: () => Promise<Transcript>;
  /** Adds to the transcript, with the run's next commit. Returns the new entry's id. */
  readonly keepTurn: (turn: NewTurn) => string;
  readonly summary: () => Promise<Summary | undefined>;
  readonly keepSummary: (summary: Summary) => Promise<void>;
  /** Without those that were left out. */
  readonly tools: () => Promise<readonly ToolDescription[]>;
  /** From now on the session does without this tool. */
  readonly leaveOutTool: (name: string) => Promise<void>;
  /**
   * Runs a tool of this run and keeps what came of it. `asks`: permission is needed.
   * @throws the CodeBuddyError of a tool that failed, or was denied
   */
  readonly useTool: (call: {
    readonly tool: string;
    readonly params: Record<string, unknown>;
    readonly callId?: string;
    readonly asks: boolean;
    /** Called when the call begins to wait for a person, which may take long: drop what can be read again. */
    readonly onWait?: () => void;
    /** The text that is kept of the outcome, and sent to the model; default: all of it, up to a limit. */
    readonly textOf?: (outcome: ToolOutcome) => string;
  }) => Promise<unknown>;
  /** Keeps a call that could not be run, and tells of it. */
  readonly refuseTool: (call: {
    readonly tool: string;
    readonly input: string;
    readonly callId: string;
    readonly message: string;
  }) => Promise<void>;
  /** Keeps what the model said before it went on; the transcript must hold it already. */
  readonly keepText: (text: string, model: string) => Promise<void>;
  /** Keeps what was said of an answer that was cut off; the transcript must hold it already. */
  readonly keepPartial: (text: string, model: string) => Promise<void>;
  /** Books what a call of a model has used; gives the budget that is spent, if one is. */
  readonly spend: (use: {
    readonly model: string;
    readonly usage: Usage;
    readonly cost: number | null;
  }) => Promise<Budget | undefined>;
}

export interface DriverResult {
  readonly response: string;
  readonly model: string;
  readonly finishReason: 'stop' | 'max_steps' | 'length' | 'content_filter' | 'error' | Budget;
}

export interface Driver {
  /** Called before a run is started or resumed. @throws CodeBuddyError `insufficient_scope` if the caller may not send this prompt */
  checkCaller?(caller: { readonly prompt: string; readonly mayUseTools: boolean }): void;
  respond(context: DriverContext): Promise<DriverResult>;
}
