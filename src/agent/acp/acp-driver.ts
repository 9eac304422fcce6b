// The driver of an agent that speaks the Agent Client Protocol: opens the agent's session for ours, in the right mode,
// and runs one turn for each run.

import { abortable } from '../../base/abortable.ts';
import { CodeBuddyError } from '../../base/errors.ts';
import { isRecord } from '../../base/is-record.ts';
import { shorten } from '../../base/text.ts';
import type { Driver, DriverContext, DriverResult } from '../driver.ts';
import type { McpServerConfig } from '../mcp/mcp-config.ts';
import type { AcpAgent, Lease } from './acp-agent.ts';
import { AgentEnded, toProblem } from './acp-errors.ts';
import type { Timers } from './acp-types.ts';
import type { LearnedFacts } from './agent-facts.ts';
import { requireImages, requireSupported } from './agent-options.ts';
import { handOver } from './handover.ts';
import { authRequired, RpcError } from './json-rpc.ts';
import { type Opened, openSession } from './open-session.ts';
import { type McpSurroundings, passMcpServers } from './pass-mcp-servers.ts';
import { blocksOf } from './prompt-blocks.ts';
import { modelsOf, modesOf, setMode, setModel } from './session-options.ts';
import { StuckTurn, Turn } from './turn.ts';
import { TurnUsage } from './turn-usage.ts';

/** How often a mode that the agent leaves is set again in one turn. */
const maxModeChanges = 5;

export interface AcpDriverOptions {
  readonly agent: AcpAgent;
  readonly facts: LearnedFacts;
  readonly workspace: string;
  readonly mcpServers: () => readonly McpServerConfig[];
  readonly mcp: McpSurroundings;
  readonly hasDenyRules: boolean;
  readonly timers: Timers;
}

export function createAcpDriver(options: AcpDriverOptions): Driver {
  const { agent, facts, workspace, timers } = options;
  const { config } = agent;
  const { name, title, startTimeoutMs: timeoutMs } = config;

  const warned = new Set<string>();
  /** Sessions of one agent get the same servers: each warning is given once. */
  function warn(message: string): void {
    if (!warned.has(message)) options.mcp.warn(message);
    warned.add(message);
  }

  /** The agent's mode for the run. Undefined: the one in which it opens a session. */
  function modeFor({ foreign }: DriverContext): string | undefined {
    const { modes } = config;
    // Deny rules bind only what the agent asks for.
    const binding = options.hasDenyRules ? modes.ask : undefined;
    return (binding === undefined ? modes[foreign.permissionMode] : binding) ?? undefined;
  }

  async function respond(context: DriverContext): Promise<DriverResult> {
    let lease: Lease | undefined;
    try {
      if (!agent.isRunning) tell(context, 'starting', `${title} is starting.`);
      lease = await acquire(context);
      facts.started(lease.process);
      return await work(context, lease);
    } catch (error) {
      if (!(error instanceof StuckTurn)) throw problem(error);
      lease?.abandon();
      const { stop } = error;
      throw stop.kind === 'fault'
        ? problem(stop.error)
        : stop.kind === 'budget'
          ? didNotStop()
          : context.signal.reason;
    } finally {
      lease?.release();
    }
  }

  /** Only the agent itself knows whether it takes images. */
  async function learn(): Promise<void> {
    try {
      const lease = await agent.acquire();
      facts.started(lease.process);
      lease.release();
    } catch (error) {
      throw problem(error);
    }
  }

  /** Cancelling the run does not stop the start of the process, because other runs may use it. */
  async function acquire({ signal }: DriverContext): Promise<Lease> {
    const acquired = agent.acquire();
    try {
      return await abortable(acquired, signal);
    } catch (error) {
      acquired.then(
        (late) => late.release(),
        () => undefined,
      );
      throw error;
    }
  }

  async function work(context: DriverContext, { process }: Lease): Promise<DriverResult> {
    const { foreign, signal } = context;
    const opened = await abortable(openSignedIn(context, process), signal);
    const { session } = opened;
    facts.opened(session);
    requireSupported(config, facts.facts, {
      options: context.options,
      permissionMode: foreign.permissionMode,
      // Checked when the prompt was accepted.
      tools: [],
    });
    const setTo = { agent: name, timeoutMs };
    const kept = foreign.agentSession()?.id === session.id ? foreign.agentSession() : undefined;
    const ownMode = kept?.ownMode ?? modesOf(session)?.current;
    const mode = modeFor(context) ?? ownMode;
    if (mode !== undefined) await abortable(setMode(process, session, mode, setTo), signal);
    await abortable(setModel(process, session, context.options.model, setTo), signal);
    const prompt = [
      { type: 'text' as const, text: await promptFor(context, opened) },
      ...(await blocksOf(context)),
    ];
    // A run is resumed with another prompt once the agent has got this one.
    const keptNow = {
      id: session.id,
      lastRun: context.runId,
      ...(ownMode === undefined ? {} : { ownMode }),
    };
    await foreign.keepAgentSession({ ...keptNow, cost: kept?.cost ?? 0 }, eventOf(opened));
    if (opened.how !== 'open') tell(context, 'ready', `${title} is ready.`);
    const model = (): string => modelsOf(session)?.current ?? name;
    const usage = new TurnUsage({ context, model, costBefore: kept?.cost ?? 0 });
    let modeChanges = 0;
    await context.ready();
    const turn = new Turn({
      context,
      agent: config,
      process,
      workspace,
      prompt,
      usage,
      model,
      timers,
      sessionId: session.id,
      replay: opened.replay,
      onModeChange() {
        if (mode === undefined || modesOf(session)?.current === mode || modeChanges++ === maxModeChanges)
          return;
        // The mode that is needed was set and is known; an agent that has ended tells the turn itself.
        setMode(process, session, mode, setTo).catch(() => undefined);
      },
    });
    const result = await turn.run();
    facts.reported(usage.reported);
    await foreign.keepAgentSession({ ...keptNow, cost: usage.sessionCost });
    const { cost, tokens } = usage.reported;
    return { ...result, model: model(), ...(cost || tokens ? {} : { isUsageUnknown: true }) };
  }

  /** Signs in with the key of its environment, if the agent waits for that. */
  async function openSignedIn(context: DriverContext, process: Lease['process']): Promise<Opened> {
    try {
      return await open(context, process);
    } catch (error) {
      const { keyMethod: methodId } = config;
      const isSignedOut = error instanceof RpcError && error.code === authRequired;
      if (!isSignedOut || methodId === undefined || !agent.hasKey) throw error;
      await process.request('authenticate', { methodId }, { timeoutMs });
      return open(context, process);
    }
  }

  function open(context: DriverContext, process: Lease['process']): Promise<Opened> {
    const can = process.about.agentCapabilities;
    const takesUrls = isRecord(can) && isRecord(can.mcpCapabilities) && can.mcpCapabilities.http === true;
    return openSession({
      process,
      workspace,
      timers,
      timeoutMs,
      mcpServers: () =>
        passMcpServers(options.mcpServers(), { takesUrls, agent: name }, { ...options.mcp, warn }),
      kept: context.foreign.agentSession(),
      signal: context.signal,
      async answers() {
        const { turns } = await context.transcript();
        return turns.flatMap((turn) =>
          turn.kind === 'answer' ? turn.parts.flatMap((part) => (part.type === 'text' ? part.text : [])) : [],
        );
      },
      onOpening: () => tell(context, 'opening_session', `${title} opens the session.`),
    });
  }

  async function promptFor(context: DriverContext, { how, session }: Opened): Promise<string> {
    const prompt = await context.prompt();
    const kept = context.foreign.agentSession();
    if (how === 'created' || typeof how === 'object') {
      const said = handOver(await context.transcript(), (runId) => runId === context.runId);
      if (said === undefined) return prompt;
      return `The earlier conversation:\n\n${said}\n\nEnd of the earlier conversation. Continue with this prompt:\n\n${prompt}`;
    }
    const isKnown = context.isResumed && kept?.id === session.id && kept.lastRun === context.runId;
    return isKnown
      ? `Your work on the following prompt was interrupted. Continue where you stopped, and do not repeat what is done.\n\n${prompt}`
      : prompt;
  }

  function eventOf({ how, session }: Opened) {
    if (how === 'open' || how === 'continued') return undefined;
    const event = { agent: name, agentSessionId: session.id };
    return how === 'created'
      ? { ...event, replaced: false }
      : { ...event, replaced: true, reason: shorten(agent.redact(how.replaced), 1000) };
  }

  function tell(
    { foreign }: DriverContext,
    status: 'starting' | 'opening_session' | 'ready',
    text: string,
  ): void {
    foreign.tellStatus({ agent: name, status, text });
  }

  function problem(error: unknown): unknown {
    const translated = toProblem(error, { agent: config, redact: agent.redact });
    if (translated instanceof CodeBuddyError && translated.code === 'agent_auth_required')
      facts.needsSignIn();
    return translated;
  }

  function didNotStop(): unknown {
    return problem(new AgentEnded('did not stop when its budget was exhausted, and was ended'));
  }

  return {
    changesFiles: true,
    respond,
    async checkCaller({ options: given, permissionMode, images, tools }) {
      requireSupported(config, facts.facts, { options: given, permissionMode, tools });
      if (images.length === 0) return;
      if (facts.facts.capabilities.images === undefined) await learn();
      requireImages(config, facts.facts, images);
    },
  };
}
