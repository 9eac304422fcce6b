// A driver answers the prompt of a run. There are three: the offline agent, the loop of a language model, and an agent
// that speaks the Agent Client Protocol. The driver decides what to do; the run handles sessions, messages, events,
// permissions, limits and cancellation behind `DriverContext`.

import type { Message } from '../contract/message.ts';
import type { PermissionMode } from '../contract/permission-mode.ts';
import type { PromptOptions } from '../contract/prompt-options.ts';
import type { ToolDescription } from '../contract/tool.ts';
import type { CallerTool } from '../contract/tool-call.ts';
import type { Usage } from '../contract/usage.ts';
import type { ForeignContext } from './foreign-types.ts';
import type { KeptSteer } from './own-steers.ts';
import type { Steer } from './steer-queue.ts';
import type { ToolOutcome } from './tools/tool.ts';
import type { Workspace } from './tools/workspace.ts';
import type { ImageRef, NewTurn, SentInput, Transcript } from './transcript.ts';

/** A summary that replaces the older part of a conversation that grew too long. */
export interface Summary {
  readonly text: string;
  /** The id of the last message, or turn of the transcript, that it replaces. */
  readonly until: string;
}

/** The budget that ended a run. */
export type Budget = 'token_limit' | 'cost_limit';

/** The outcome of a call as the session stores it. */
export type KeptOutcome = ToolOutcome & {
  /** The text that the model reads. */
  readonly text: string;
  /** Images that the tool has read. */
  readonly images?: readonly ImageRef[];
};

export interface LoadedImage {
  readonly mediaType: string;
  readonly data: Uint8Array;
}

/** Encodes an outcome for the model. Called once a call. */
export type EncodeOutcome = (outcome: ToolOutcome) => string;

export interface DriverContext {
  readonly runId: string;
  /** The workspace of the session. @throws CodeBuddyError `workspace_unavailable` */
  readonly workspace: () => Promise<Workspace>;
  /** Reads the prompt from the store: a waiting run does not keep it in memory. */
  readonly prompt: () => Promise<string>;
  /** The parts of the prompt, as they are sent. */
  readonly promptParts: () => Promise<readonly SentInput[]>;
  /** Undefined if the file is no longer kept. */
  readonly readImage: (fileId: string) => Promise<LoadedImage | undefined>;
  readonly options: PromptOptions;
  readonly signal: AbortSignal;
  /** True if the caller may run tools by commands in the prompt (the key's scope `tools`). */
  readonly mayUseTools: boolean;
  /** True if the run continues after it was interrupted or failed. */
  readonly isResumed: boolean;
  /** Call it before each step. Resolves when this node may work: at once if it is the only one. */
  readonly ready: () => Promise<void>;
  /**
   * True if an earlier process ended while calls of this run waited for an answer. They wait again: make the same calls,
   * at the same places.
   */
  readonly continues: boolean;
  /**
   * Begins a step, by default the next one, and returns the messages that came in since the last one, oldest first. Call
   * `tellSteered` once their turns are kept.
   */
  readonly beginStep: (step?: number) => Promise<readonly Steer[]>;
  readonly tellSteered: (taken: readonly Steer[]) => void;
  /**
   * Call it after the last step. False if messages came in meanwhile: make another step. If true, the run takes no more
   * messages, and must end.
   */
  readonly mayEnd: () => Promise<boolean>;
  /** Call it instead if the run must end: it takes no more messages. Returns those that it has not seen. */
  readonly refuseMessages: () => Promise<readonly Steer[]>;
  /**
   * The commits of `useTool` with `keepLater` and of `keepText` that are under way; undefined if there are none. Text
   * that follows them must not be shown before. Rejects if one of them failed: then the run must end.
   */
  readonly keeping: () => Promise<unknown> | undefined;
  /** Streams a piece of the answer. */
  readonly say: (text: string) => void;
  /** Streams a piece of the reasoning. */
  readonly reason: (text: string) => void;
  /** When the session began, in Unix ms. */
  readonly sessionBeganAt: number;
  /** The messages that were sent to this run, oldest first. */
  readonly ownSteers: () => Promise<readonly KeptSteer[]>;
  /** The messages of this run, oldest first. */
  readonly ownMessages: () => Promise<readonly Message[]>;
  /** The conversation after the summarized part, including this run. */
  readonly transcript: () => Promise<Transcript>;
  /** Adds a turn to the transcript, with the run's next commit. Returns its id. */
  readonly keepTurn: (turn: NewTurn) => string;
  readonly summary: () => Promise<Summary | undefined>;
  readonly keepSummary: (summary: Summary) => Promise<void>;
  /** The tools of this run, without those removed from the session. */
  readonly tools: () => Promise<readonly ToolDescription[]>;
  /** Removes a tool from the session from now on. */
  readonly leaveOutTool: (name: string) => Promise<void>;
  /**
   * Runs a tool and stores its outcome. A failed or denied call is an outcome, too.
   * @throws if the run must end: its signal was aborted, the store failed, or the tool had an internal error
   */
  readonly useTool: (call: {
    readonly tool: string;
    readonly params: Record<string, unknown>;
    readonly callId?: string;
    /** Identifies the call in the run, also in a later process. @default `callId` */
    readonly place?: string;
    /** True if the call needs permission. */
    readonly asks: boolean;
    /** True if other calls of the same step run at the same time. @default false */
    readonly isOneOfSeveral?: boolean;
    /**
     * True if the caller waits for the commit of the outcome itself, with `keeping`. A later call of a tool that can
     * change something waits for it, too. @default false
     */
    readonly keepLater?: boolean;
    /** Called when the call begins to wait for approval, which may take long: drop what can be read again. */
    readonly onWait?: () => void;
    /** True if the model sees images that a tool reads. @default false */
    readonly sees?: boolean;
    /** @default the whole text, up to a limit */
    readonly encode?: EncodeOutcome;
  }) => Promise<KeptOutcome>;
  /** Stores a call that could not be run. */
  readonly refuseTool: (call: {
    readonly tool: string;
    readonly input: string;
    readonly callId: string;
    /** The error message for the model. */
    readonly reason: string;
    readonly encode: EncodeOutcome;
  }) => Promise<KeptOutcome>;
  /**
   * Stores the text and the reasoning of an answer that also calls tools; see `keeping`. The transcript must already
   * contain the text. Reasoning without text is stored with the run's next commit, without an event.
   */
  readonly keepText: (text: string, model: string, reasoning?: string) => void;
  /** Stores the part of an interrupted answer that was shown, in the same way. */
  readonly keepPartial: (text: string, model: string, reasoning?: string) => Promise<void>;
  /** Counts an answer that does not match `options.format`, and for which the agent is asked again. */
  readonly rejectOutput: (reason: string) => Promise<void>;
  /** Books the usage of a model call. Returns the exhausted budget, if there is one. */
  readonly spend: (use: {
    readonly model: string;
    readonly usage: Usage;
    /** US dollars; null if the model has no known price. */
    readonly cost: number | null;
  }) => Promise<Budget | undefined>;
  /** For an agent that runs its own tools. */
  readonly foreign: ForeignContext;
}

export interface DriverResult {
  readonly response: string;
  /** The value of the answer, if the prompt asked for JSON. */
  readonly data?: unknown;
  /** The reasoning of the last step. */
  readonly reasoning?: string | undefined;
  readonly model: string;
  /** True if the agent reported neither tokens nor costs. Then they are null, not 0. */
  readonly isUsageUnknown?: true;
  readonly finishReason: 'stop' | 'max_steps' | 'length' | 'content_filter' | 'error' | Budget;
}

export interface Driver {
  /** True for an agent that may change files of the workspace by itself. */
  readonly changesFiles?: true;
  /**
   * Called before a run is started or resumed.
   * @throws CodeBuddyError `insufficient_scope` if the caller may not send this prompt; `not_supported_by_agent` if an
   * option or an image cannot be applied; `model_cannot_see`
   */
  checkCaller?(caller: {
    readonly prompt: string;
    readonly mayUseTools: boolean;
    readonly options: PromptOptions;
    /** The tools of the caller. */
    readonly tools: readonly CallerTool[];
    /** That of the run. */
    readonly permissionMode: PermissionMode;
    /** The JSON Pointers of the parts that are images. */
    readonly images: readonly string[];
  }): void | Promise<void>;
  /**
   * Absent: the agent takes no messages while it works.
   * @throws CodeBuddyError `insufficient_scope` if the caller may not send this message
   */
  checkSteer?(steer: { readonly text: string; readonly mayUseTools: boolean }): void;
  respond(context: DriverContext): Promise<DriverResult>;
}
