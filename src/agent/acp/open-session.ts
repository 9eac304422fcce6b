// Opens the agent's own session for ours: the one that its process has open, the kept one after a restart, or a new one.
// A kept session that the agent cannot continue is replaced by a new one, which gets the text of the conversation.

import type { McpServer } from '@agentclientprotocol/sdk';
import { isRecord } from '../../base/is-record.ts';
import type { AgentSession } from '../foreign-types.ts';
import type { AcpProcess } from './acp-process.ts';
import type { Timers } from './acp-types.ts';
import { authRequired, RpcError } from './json-rpc.ts';
import { textOfBlock } from './read-call.ts';
import { ReplayFilter } from './replay-filter.ts';
import type { OpenSession } from './session-options.ts';

/** A replay that is complete may still bring the calls of its last turn. */
const afterReplayMs = 50;
/** A replay whose end is not recognized has ended after this much silence, */
const quietMs = 1000;
/** and at the latest after this time. */
const longestReplayMs = 20_000;

export interface OpenOptions {
  readonly process: AcpProcess;
  readonly workspace: string;
  readonly mcpServers: () => readonly McpServer[];
  readonly kept: AgentSession | undefined;
  /** The answers of the conversation so far, oldest first. */
  readonly answers: () => Promise<readonly string[]>;
  readonly timers: Timers;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Called when the agent must do more than continue an open session. */
  readonly onOpening: () => void;
}

export interface Opened {
  readonly session: OpenSession;
  /** Recognizes old text that still comes; undefined if none can come. */
  readonly replay: ReplayFilter | undefined;
  /** `replaced`: why the kept session could not continue. */
  readonly how: 'open' | 'continued' | 'created' | { readonly replaced: string };
}

/** @throws RpcError, RpcTimeout, AgentEnded; the signal's reason */
export async function openSession(options: OpenOptions): Promise<Opened> {
  const { process, kept } = options;
  const session = kept === undefined ? undefined : process.sessions.get(kept.id);
  if (session !== undefined) return { session, replay: undefined, how: 'open' };
  options.onOpening();
  if (kept === undefined) return { session: await create(options), replay: undefined, how: 'created' };
  const continued = await tryToContinue(options, kept.id);
  if (typeof continued !== 'string') return continued;
  return { session: await create(options), replay: undefined, how: { replaced: continued } };
}

async function create({ process, workspace, mcpServers, timeoutMs }: OpenOptions): Promise<OpenSession> {
  const answer = await process.request(
    'session/new',
    { cwd: workspace, mcpServers: mcpServers() },
    { timeoutMs },
  );
  if (!isRecord(answer) || typeof answer.sessionId !== 'string')
    throw new RpcError(0, 'its answer to session/new has no sessionId');
  // Two sessions would get each other's text.
  if (process.sessions.has(answer.sessionId))
    throw new RpcError(0, 'its answer to session/new has the sessionId of an open session');
  return remember(process, answer.sessionId, answer);
}

/** Returns the reason if the agent cannot continue it. */
async function tryToContinue(options: OpenOptions, id: string): Promise<Opened | string> {
  const { process, workspace, mcpServers, timeoutMs, timers, signal } = options;
  const can = process.about.agentCapabilities;
  const { loadSession, sessionCapabilities }: Readonly<Record<string, unknown>> = isRecord(can) ? can : {};
  const resumes = isRecord(sessionCapabilities) && isRecord(sessionCapabilities.resume);
  if (!resumes && loadSession !== true) return 'the agent cannot continue sessions after a restart';
  const params = { sessionId: id, cwd: workspace, mcpServers: mcpServers() };
  const replay = new ReplayFilter(await options.answers());
  let heardAt = timers.now();
  // Until the turn listens.
  const stop = process.listen(id, {
    onUpdate(update) {
      heardAt = timers.now();
      if (update.sessionUpdate === 'agent_message_chunk')
        for (const text of textOfBlock(update.content)) replay.skip(text);
    },
    onPermission: async () => ({ outcome: { outcome: 'cancelled' } }),
  });
  try {
    const answer = await process.request(resumes ? 'session/resume' : 'session/load', params, { timeoutMs });
    const session = remember(process, id, answer);
    if (!resumes) await replayHasEnded(replay, () => heardAt, timers, signal);
    return { session, replay: resumes ? undefined : replay, how: 'continued' };
  } catch (error) {
    stop();
    if (!(error instanceof RpcError) || error.code === authRequired) throw error;
    return error.message;
  }
}

function remember(process: AcpProcess, id: string, answer: unknown): OpenSession {
  const { modes, configOptions }: Readonly<Record<string, unknown>> = isRecord(answer) ? answer : {};
  const session: OpenSession = { id, modes, configOptions };
  process.sessions.set(id, session);
  return session;
}

/** Some agents answer `session/load` before they have replayed the conversation. */
async function replayHasEnded(
  replay: ReplayFilter,
  heardAt: () => number,
  timers: Timers,
  signal: AbortSignal,
): Promise<void> {
  const startedAt = timers.now();
  for (;;) {
    signal.throwIfAborted();
    const now = timers.now();
    const until = Math.min(
      Math.max(heardAt(), startedAt) + (replay.isOver ? afterReplayMs : quietMs),
      startedAt + longestReplayMs,
    );
    if (now >= until) return;
    await new Promise<void>((resolve) => {
      const cancel = timers.after(Math.min(until - now, afterReplayMs), () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      });
      const onAbort = (): void => {
        cancel();
        resolve();
      };
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}
