// Starts a run: checks what the prompt asks for, finds or plans its session, and admits the run with the session, the
// prompt's message and its files in one commit.

import { CodeBuddyError } from '../base/errors.ts';
import { makeId } from '../base/ids.ts';
import { isBlank, wellFormed, wellFormedDeep } from '../base/text.ts';
import { packTraceContext } from '../base/trace-context.ts';
import type { Tracing } from '../base/tracing.ts';
import type { PromptOptions } from '../contract/prompt-options.ts';
import type { SessionRow, Store } from '../store/store.ts';
import type { AdmitRun } from './admit-run.ts';
import type { ChooseForRun } from './choose-for-run.ts';
import type { PromptParts } from './files/prompt-parts.ts';
import { checkCallerTools } from './inbox/caller-tools.ts';
import { LiveRun } from './live-run.ts';
import { newMessageRow } from './message-record.ts';
import type { RunsElsewhere } from './nodes/runs-elsewhere.ts';
import { createdOnce, findPrompted, unarchiving } from './prompted-session.ts';
import { newRun, type RunRequest, toRunRow, withoutPrompt } from './run-record.ts';
import type { Runs, StartedRun } from './run-service.ts';
import { dropUndos, readSessionMemory } from './session-memory.ts';
import { agentOf, newSessionRow, titleFrom } from './session-record.ts';
import type { Spending } from './spending.ts';
import type { ToolBox } from './tools/tool-box.ts';
import type { PlannedPlace, Spaces } from './workspaces/spaces.ts';

export interface StartRunOptions {
  readonly store: Pick<Store, 'getSession'>;
  readonly tools: Pick<ToolBox, 'has'>;
  readonly promptParts: Pick<PromptParts, 'take'>;
  readonly spaces: Pick<Spaces, 'plan' | 'requireSame' | 'requireReady' | 'workspaceOf' | 'spaceAt'>;
  readonly spending: Pick<Spending, 'requireRoom'>;
  readonly tracing: Pick<Tracing, 'current'>;
  readonly elsewhere: Pick<RunsElsewhere, 'lookAt'> | undefined;
  readonly now: () => number;
  /** The agent of a new session. @throws CodeBuddyError `validation_failed` for an unknown one */
  readonly agentForNew: (name: string | undefined) => string;
  readonly chooseFor: ChooseForRun;
  readonly admit: AdmitRun;
  /** @throws CodeBuddyError `shutting_down` */
  readonly requireAccepting: () => void;
}

export function createStartRun({
  store,
  tools,
  promptParts,
  spaces,
  spending,
  tracing,
  elsewhere,
  now,
  agentForNew,
  chooseFor,
  admit,
  requireAccepting,
}: StartRunOptions): Runs['start'] {
  async function startOnce(request: Parameters<Runs['start']>[0]): Promise<StartedRun> {
    requireAccepting();
    const { mayUseTools = true, keyId = null } = request;
    const prompt = requireText(request.prompt);
    const runRequest: RunRequest = {
      options: wellFormedDeep(request.options),
      mayUseTools,
      keyId,
      ...(request.tools === undefined ? {} : { tools: wellFormedDeep(request.tools) }),
    };
    const session = await findPrompted(store, request);
    const agent = session === undefined ? agentForNew(runRequest.options.agent) : agentOf(session);
    requireSameAgent(agent, runRequest.options, session);
    const place =
      session === undefined
        ? await spaces.plan(runRequest.options, '/options')
        : await placeOf(session, runRequest.options, request.createSession);
    return startAt(request, { runRequest, prompt, agent, session, place }).catch(async (error: unknown) => {
      await place.undo();
      throw error;
    });
  }

  async function startAt(
    request: Parameters<Runs['start']>[0],
    {
      runRequest,
      prompt,
      agent,
      session: existing,
      place,
    }: {
      readonly runRequest: RunRequest;
      readonly prompt: string;
      readonly agent: string;
      readonly session: SessionRow | undefined;
      readonly place: PlannedPlace;
    },
  ): Promise<StartedRun> {
    const { hop = 0 } = request;
    let session = existing;
    const taken = await promptParts.take(prompt, request.parts ?? [], async () => {
      if (session !== undefined) return spaces.workspaceOf(session.id);
      await place.create();
      return (await spaces.spaceAt(place.details)).workspace;
    });
    const { parts } = taken;
    const { driver, model } = await chooseFor(agent, { prompt, parts }, runRequest, place.details.workspace);
    if (runRequest.tools !== undefined)
      checkCallerTools(runRequest.tools, (name) => tools.has(name, session?.id));
    const createdAt = now();
    const isNew = session === undefined;
    session ??= newSessionRow(
      titleFrom(request.history?.find(({ role }) => role === 'user')?.content ?? prompt),
      { agent, ...place.details, ...(request.origin === undefined ? {} : { origin: request.origin }) },
      createdAt,
      request.sessionId,
    );
    const back = unarchiving(session, hop);
    const memory = readSessionMemory(session);
    await spending.requireRoom(memory.cost);
    const ahead = isNew || elsewhere === undefined ? 0 : (await elsewhere.lookAt(session.id)).length;
    requireAccepting();
    const owner = { sessionId: session.id, runId: request.runId ?? makeId('run', createdAt) };
    const run = newRun({ ...owner, prompt, parts, model }, createdAt);
    const history = isNew ? wellFormedDeep(request.history ?? []) : [];
    // Created before the message of the prompt, because messages are read in the order of their ids.
    const earlier = history.map((one) =>
      newMessageRow({ ...one, sessionId: owner.sessionId, runId: null }, createdAt),
    );
    const message = newMessageRow({ ...owner, role: 'user', content: prompt, parts }, createdAt);
    const trace = tracing.current();
    const keptTrace = trace === undefined ? {} : { trace: packTraceContext(trace) };
    const keptRequest: RunRequest =
      request.survivesRestart === true
        ? { ...runRequest, afterRestart: { hop, promptMessageId: message.id, ...keptTrace } }
        : runRequest;
    const together = request.together?.(owner) ?? { events: [], writes: [] };
    const live = new LiveRun({
      record: withoutPrompt(run),
      request: keptRequest,
      driver,
      hop,
      trace,
      isResumed: false,
      memory,
      promptMessageId: message.id,
      sessionBeganAt: session.createdAt,
    });
    await place.create();
    return admit(live, run, {
      before: isNew
        ? [
            { type: 'session.start', data: { title: session.title }, ...owner, hop },
            ...place.events.map((event) => ({ ...event, ...owner, hop })),
          ]
        : back.events,
      after: [
        {
          type: 'message.user',
          data: { messageId: message.id, text: prompt, ...(parts.length === 0 ? {} : { parts }) },
          ...owner,
          hop,
        },
        ...together.events,
      ],
      ahead: isNew ? undefined : ahead,
      writes: [
        ...(isNew
          ? [
              {
                kind: session.place === undefined ? ('putSession' as const) : ('addSession' as const),
                session,
              },
            ]
          : back.writes),
        ...(request.names ?? []).map((name) => ({
          kind: 'nameSession' as const,
          name,
          sessionId: owner.sessionId,
        })),
        ...(isNew && request.claimedName !== undefined
          ? [
              {
                kind: 'claimSessionName' as const,
                name: request.claimedName,
                sessionId: owner.sessionId,
              },
            ]
          : []),
        ...taken.writes,
        ...earlier.map((row) => ({ kind: 'addMessage' as const, message: row })),
        // A new prompt ends the time in which an undo can be taken back.
        ...dropUndos(owner.sessionId, memory, createdAt),
        { kind: 'addMessage', message },
        { kind: 'putRun', run: toRunRow(run, keptRequest, createdAt) },
        ...together.writes,
      ],
    });
  }

  /** The place of a session that exists. */
  async function placeOf(
    session: SessionRow,
    given: PromptOptions,
    mayCreate: boolean | undefined,
  ): Promise<PlannedPlace> {
    await spaces.requireSame(given, session, mayCreate);
    const workspace = await spaces.requireReady(session);
    const nothing = async (): Promise<void> => undefined;
    return {
      details: workspace === undefined ? {} : { workspace },
      create: nothing,
      undo: nothing,
      events: [],
    };
  }

  return (request) => createdOnce(request, () => startOnce(request));
}

/** A session stays with its agent. @throws CodeBuddyError `session_agent_mismatch` */
function requireSameAgent(agent: string, options: PromptOptions, session: SessionRow | undefined): void {
  if (session === undefined || options.agent === undefined || options.agent === agent) return;
  throw new CodeBuddyError(
    'session_agent_mismatch',
    `options.agent must be left out or be ${agent}: the session ${session.id} belongs to that agent, not to ${JSON.stringify(options.agent)}. Start a new session to use another agent.`,
    {
      errors: [
        {
          in: 'body',
          pointer: '/options/agent',
          message: `must be left out or be ${agent}, the agent of the session`,
        },
      ],
    },
  );
}

/**
 * The prompt as well-formed text.
 * @throws CodeBuddyError `validation_failed` for a blank prompt, which models refuse
 */
function requireText(prompt: string): string {
  if (!isBlank(prompt)) return wellFormed(prompt);
  const message = 'must not be blank';
  throw new CodeBuddyError('validation_failed', `prompt ${message}.`, {
    errors: [{ in: 'body', pointer: '/prompt', message }],
  });
}
