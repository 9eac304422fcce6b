// The permissions that an agent asks for in a turn, and those that it should have asked for.

import { CodeBuddyError } from '../../base/errors.ts';
import { isRecord } from '../../base/is-record.ts';
import { shorten } from '../../base/text.ts';
import type { ForeignContext } from '../foreign-types.ts';
import { usesOf } from './name-call.ts';
import { answerFor, canAllowOnce, cancelledOutcome } from './permission-options.ts';
import type { CallFacts } from './read-call.ts';
import type { TurnCalls } from './turn-calls.ts';

export interface TurnPermissionsOptions {
  readonly context: Pick<ForeignContext, 'askPermission' | 'mayRunUnasked'>;
  readonly calls: TurnCalls;
  readonly workspace: string;
  readonly agent: string;
  /** Resolves when the turn ends: open requests are then answered as cancelled. */
  readonly stopped: Promise<unknown>;
}

export class TurnPermissions {
  readonly #options: TurnPermissionsOptions;
  #open = 0;

  constructor(options: TurnPermissionsOptions) {
    this.#options = options;
  }

  /** True while a request is being decided. */
  get isWaiting(): boolean {
    return this.#open > 0;
  }

  /** Resolves to the answer to `session/request_permission`. @throws if the run must end */
  async ask({ toolCall, options }: Readonly<Record<string, unknown>>): Promise<object> {
    const { calls, stopped } = this.#options;
    this.#open++;
    try {
      const decision = this.#decide(calls.asked(isRecord(toolCall) ? toolCall : {}), options);
      // Nothing waits for it once the turn has ended.
      decision.catch(() => undefined);
      const isAllowed = await Promise.race([decision, stopped.then(() => undefined)]);
      return isAllowed === undefined ? cancelledOutcome : answerFor(options, isAllowed);
    } finally {
      this.#open--;
    }
  }

  /**
   * The call has changed files, and the agent did not ask. That may be allowed anyway.
   * @throws CodeBuddyError `agent_did_not_ask`
   */
  async requireAllowed(call: CallFacts): Promise<void> {
    const { context, workspace, agent } = this.#options;
    for (const use of usesOf(call, workspace)) {
      if (await context.mayRunUnasked(use)) continue;
      const { path = call.title } = use.params;
      throw new CodeBuddyError(
        'agent_did_not_ask',
        `The agent ${agent} changed ${shorten(String(path), 200)} without asking for permission, which the permission mode or a rule requires. See agents.${agent}.modes, and the agent's own settings.`,
      );
    }
  }

  async #decide(call: CallFacts, options: unknown): Promise<boolean> {
    const { context, calls, workspace } = this.#options;
    try {
      for (const use of usesOf(call, workspace)) await context.askPermission(use);
    } catch (error) {
      if (!(error instanceof CodeBuddyError) || error.code !== 'permission_denied') throw error;
      calls.denied(call, error.message);
      return false;
    }
    if (!canAllowOnce(options)) {
      calls.denied(call, 'The agent did not offer to allow this call only.');
      return false;
    }
    calls.allowed(call);
    return true;
  }
}
