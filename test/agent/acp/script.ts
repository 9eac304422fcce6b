// What scripted-agent.ts does: outside of turns, and step by step in a turn.

export interface Behaviour {
  /** The protocol version that it answers. @default 1 */
  readonly version?: unknown;
  /** Lines that it prints first. */
  readonly greeting?: readonly string[];
  readonly stderr?: string;
  /** It ends at once, with this code. */
  readonly exit?: number;
  /** It starts when this file exists. */
  readonly startGate?: string;
  readonly neverInitializes?: boolean;
  /** `api-key`: until a client signs in with this method. */
  readonly needsSignIn?: boolean | 'api-key';
  readonly updatesBeforeCreation?: boolean;
  /** How its mode is set. @default 'set_mode' */
  readonly modes?: 'none' | 'set_mode' | 'option';
  readonly modeIds?: readonly string[];
  /** @default 'auto', which does not ask */
  readonly firstMode?: string;
  readonly refusesModes?: boolean;
  readonly models?: readonly string[];
  readonly resumes?: boolean;
  /** `session/load`. `late`: it answers before the replay has ended. @default 'none' */
  readonly replay?: 'none' | 'whole' | 'late';
  readonly replayGapMs?: number;
  readonly ignoresCancel?: boolean;
  readonly takesUrls?: boolean;
  readonly takesImages?: boolean;
}

export type Step =
  | { readonly say: string; readonly messageId?: string }
  | { readonly sayMany: number; readonly piece?: string }
  | { readonly think: string }
  | { readonly update: object; readonly session?: string }
  /** Written to stdout as it is; `$SESSION` is the id of the session. */
  | { readonly raw: string }
  /** That many bytes without a line break. */
  | { readonly rawMany: number }
  | { readonly sayMode: true }
  | { readonly sayModel: true }
  | { readonly sayPrompts: true }
  | { readonly sayEnvironment: true }
  | { readonly sayFolder: true }
  | { readonly sayPid: true }
  | { readonly ask: object; readonly options?: readonly object[]; readonly session?: string }
  | { readonly sayOutcome: true }
  | { readonly ifAllowed: readonly Step[] }
  | { readonly request: string; readonly params?: object }
  | { readonly waitFor: string }
  | { readonly touch: string }
  | { readonly write: string; readonly content: string }
  | { readonly die: number }
  | { readonly stderr: string; readonly times?: number }
  | { readonly closeStdout: true }
  /** Starts a process that leaves the group, and writes its pid to the file. */
  | { readonly child: string }
  | { readonly stop: 'end_turn' | 'max_tokens' | 'refusal' | 'cancelled' | 'max_turn_requests' }
  | { readonly usage: object }
  /** Of the result of the prompt. */
  | { readonly meta: object }
  /** After the prompt has returned. */
  | { readonly later: readonly Step[] }
  | { readonly hang: true };

export function script(...steps: readonly Step[]): string {
  return JSON.stringify(steps);
}
