// Serves an agent that keeps its own conversation and runs its own tools. foreign-types.ts describes the interface.

import { wellFormed, wellFormedDeep } from '../base/text.ts';
import type { PermissionMode } from '../contract/permission-mode.ts';
import type { EventLog, NewEvent } from '../events/event-log.ts';
import type { Write } from '../store/store.ts';
import type { ForeignCall, ForeignContext, ForeignTool, ForeignUse } from './foreign-types.ts';
import type { LiveRun } from './live-run.ts';
import { newMessageRow } from './message-record.ts';
import { type AgentNode, leaseIsGood } from './nodes/agent-node.ts';
import type { GuardedFile } from './permissions/guarded-files.ts';
import type { PermissionRule, ToolUse } from './permissions/permission-rule.ts';
import type { Permissions } from './permissions/permissions.ts';
import type { SessionMemory } from './session-memory.ts';
import { endEvent, newCallId, startEvent } from './tools/call-events.ts';
import { textOfOutcome } from './tools/result-text.ts';
import type { CommandIsolation, ToolBox } from './tools/tool-box.ts';

export interface ForeignContextOptions {
  readonly log: Pick<EventLog, 'append' | 'publish'>;
  readonly tools: Pick<ToolBox, 'useOf' | 'guardedFile' | 'isolationElsewhere'>;
  readonly permissions: Pick<Permissions, 'assertNotDenied' | 'judge'>;
  readonly now: () => number;
  readonly node: AgentNode | undefined;
  readonly modeOf: (run: LiveRun) => PermissionMode;
  readonly writeNow: (run: LiveRun, writes: readonly Write[]) => Promise<void>;
  /** The write that changes the session's memory. */
  readonly remember: (run: LiveRun, patch: Partial<SessionMemory>) => Write;
  /** Resolves when rules, the mode or a person allow it. @throws CodeBuddyError `permission_denied` */
  readonly ask: (run: LiveRun, request: JudgedCall) => Promise<void>;
  /** The rules that the run may use. */
  readonly rememberedIn: (run: LiveRun) => readonly PermissionRule[];
}

/** A call as the permissions judge it. */
export interface JudgedCall {
  /** Its id in the log, if the call that waits is known there. */
  readonly callId?: string;
  readonly use: ToolUse;
  readonly readOnly: boolean;
  readonly guarded: GuardedFile | undefined;
  readonly isOutside?: boolean;
  readonly isolation: CommandIsolation | undefined;
}

export function createForeignContexts({
  log,
  tools,
  now,
  node,
  modeOf,
  writeNow,
  remember,
  ask,
  permissions,
  rememberedIn,
}: ForeignContextOptions): (run: LiveRun) => ForeignContext {
  /** Commits in the order of the calls. */
  function append(run: LiveRun, event: NewEvent, writes: () => readonly Write[] = () => []): void {
    const commit = (): Promise<unknown> =>
      log.append([{ ...event, ...run.owner, hop: run.hop }], [...run.takePendingWrites(), ...writes()]);
    // With several nodes, the log may commit an append before an earlier one.
    const before = node === undefined ? undefined : run.keeping;
    run.keepLater(before === undefined ? commit() : before.then(commit));
  }

  async function judged(
    run: LiveRun,
    { tool, params, readOnly, isGuess = false }: ForeignUse,
  ): Promise<JudgedCall> {
    const call = { tool, params: wellFormedDeep(params), readOnly };
    // The events that lead to a question must be in the log before it.
    const [use] = await Promise.all([tools.useOf(call, run.sessionId), run.keeping]);
    const guarded = modeOf(run) === 'full' ? undefined : await tools.guardedFile(call, use, run.sessionId);
    const { target } = use;
    const isOutside = target.kind === 'outside' || (target.kind === 'file' && target.realPath === undefined);
    return {
      use,
      readOnly: readOnly && !isOutside,
      isOutside,
      guarded,
      isolation: isGuess ? { sandbox: 'none', isMissing: true } : tools.isolationElsewhere(tool),
    };
  }

  async function assertNotDenied(run: LiveRun, { alsoDeniedAs = [] }: ForeignUse): Promise<void> {
    for (const { tool, params } of alsoDeniedAs) {
      const call = { tool, params: wellFormedDeep(params), readOnly: false };
      const use = await tools.useOf(call, run.sessionId);
      permissions.assertNotDenied({ ...use, readOnly: false, mode: modeOf(run) });
    }
  }

  function beginTool(run: LiveRun, { tool, params }: ForeignCall): ForeignTool {
    const facts = { callId: newCallId(), tool };
    const startedAt = performance.now();
    append(run, startEvent(facts, wellFormedDeep(params), { hop: run.hop }));
    return {
      output: (text) =>
        log.publish({ type: 'tool.output', data: { ...facts, stream: 'stdout', text }, ...run.owner }),
      end(outcome, call) {
        const durationMs = Math.round((performance.now() - startedAt) * 1000) / 1000;
        const message = newMessageRow(
          {
            ...run.owner,
            role: 'tool',
            content: textOfOutcome(outcome),
            tool: { name: call.tool, params: wellFormedDeep(call.params), isError: !outcome.ok, durationMs },
          },
          now(),
        );
        append(run, endEvent(facts, { outcome, durationMs, messageId: message.id }, { hop: run.hop }), () => [
          { kind: 'addMessage', message },
        ]);
      },
    };
  }

  return (run) => {
    let shownPlan = JSON.stringify(run.memory.plan);
    return {
      permissionMode: modeOf(run),
      agentSession: () => run.memory.agentSession,
      async keepAgentSession(session, event) {
        const write = remember(run, { agentSession: session });
        if (event === undefined) run.keepLater(writeNow(run, [write]));
        else append(run, { type: 'agent.session', data: event }, () => [write]);
        await run.keeping;
      },
      tellStatus: (data) => log.publish({ type: 'agent.status', data, ...run.owner }),
      keepPlan(entries) {
        const plan = wellFormedDeep(entries);
        const text = JSON.stringify(plan);
        if (text === shownPlan) return;
        shownPlan = text;
        append(run, { type: 'plan.update', data: { entries: plan } }, () => [remember(run, { plan })]);
      },
      beginTool: (call) => beginTool(run, { ...call, tool: wellFormed(call.tool) }),
      async askPermission(use) {
        await assertNotDenied(run, use);
        await ask(run, await judged(run, use));
        if (node !== undefined) await leaseIsGood(node, run.signal);
      },
      async mayRunUnasked(use) {
        const { use: judgedUse, ...call } = await judged(run, use);
        const remembered = () => rememberedIn(run);
        return permissions.judge({ ...judgedUse, ...call, mode: modeOf(run), remembered })?.allowed === true;
      },
    };
  };
}
