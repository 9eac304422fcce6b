// Asks the editor about the permissions of one run. The question ends when it is answered anywhere: in the editor, in
// the dashboard, or on the command line.

import {
  type AgentContext,
  methods,
  type PermissionOption,
  RequestError,
  type ToolCallUpdate,
} from '@agentclientprotocol/sdk/unstable';
import { CodeBuddyApiError, type PermissionDecision } from '../client/index.ts';
import type { Decision } from '../contract/permission.ts';

export interface PermissionRequestsOptions {
  readonly decide: (permissionId: string, decision: PermissionDecision) => Promise<void>;
  readonly editor: AgentContext;
  readonly sessionId: string;
  /** Called with the reason why an answer was not accepted. */
  readonly onTrouble: (callId: string, message: string) => Promise<void>;
}

export interface Question {
  readonly permissionId: string;
  readonly toolCall: ToolCallUpdate;
  /** What "always" allows, in words. */
  readonly alwaysCovers: string | undefined;
}

/** The outcomes of an earlier decision, or of the end of the run. */
const settledCodes = ['permission_resolved', 'permission_not_found'];

export class PermissionRequests {
  readonly #open = new Map<string, AbortController>();
  readonly #options: PermissionRequestsOptions;

  constructor(options: PermissionRequestsOptions) {
    this.#options = options;
  }

  /** Asks in the background. */
  start(question: Question): void {
    const ended = new AbortController();
    this.#open.set(question.permissionId, ended);
    void this.#ask(question, ended.signal).catch(() => undefined);
  }

  /** Closes a question that was decided. */
  end(permissionId: string): void {
    this.#open.get(permissionId)?.abort();
    this.#open.delete(permissionId);
  }

  endAll(): void {
    for (const id of [...this.#open.keys()]) this.end(id);
  }

  async #ask(question: Question, ended: AbortSignal): Promise<void> {
    const { decide, onTrouble } = this.#options;
    const decision = await this.#answerOf(question, ended);
    if (decision === undefined || ended.aborted) return;
    try {
      await decide(question.permissionId, decision);
    } catch (error) {
      if (error instanceof CodeBuddyApiError && settledCodes.includes(error.code)) return;
      await onTrouble(question.toolCall.toolCallId, error instanceof Error ? error.message : String(error));
    }
  }

  /** Undefined if the question has ended, or the editor has left. */
  async #answerOf(
    { toolCall, alwaysCovers }: Question,
    ended: AbortSignal,
  ): Promise<PermissionDecision | undefined> {
    const { editor, sessionId } = this.#options;
    try {
      const { outcome } = await editor.request(
        methods.client.session.requestPermission,
        { sessionId, toolCall, options: optionsFor(alwaysCovers) },
        { cancellationSignal: ended, stopWaitingOnCancel: true },
      );
      if (outcome.outcome === 'cancelled') return { decision: 'deny', reason: 'dismissed in the editor' };
      const decision = decisions[outcome.optionId];
      return decision === undefined
        ? { decision: 'deny', reason: `the editor gave an unknown answer: ${outcome.optionId}` }
        : { decision };
    } catch (error) {
      if (ended.aborted || !(error instanceof RequestError)) return undefined;
      return { decision: 'deny', reason: `the editor could not ask: ${error.message}` };
    }
  }
}

const decisions: Readonly<Record<string, Decision>> = {
  allow: 'allow',
  allow_always: 'allow_always',
  deny: 'deny',
};

function optionsFor(alwaysCovers: string | undefined): PermissionOption[] {
  const always = alwaysCovers === undefined ? 'Always allow' : `Always allow ${alwaysCovers}`;
  return [
    { optionId: 'allow', name: 'Allow', kind: 'allow_once' },
    { optionId: 'allow_always', name: always, kind: 'allow_always' },
    { optionId: 'deny', name: 'Deny', kind: 'reject_once' },
  ];
}
