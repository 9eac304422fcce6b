// An ACP agent for tests, on stdin and stdout, with the agent side of the SDK. The text of a prompt is its script: a JSON
// array of steps. SCRIPTED_AGENT (JSON) says how it behaves outside of turns, SCRIPTED_AGENT_LOG names a file for what
// it receives, and SCRIPTED_AGENT_STATE a file for its sessions.

import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AgentContext,
  agent,
  methods,
  ndJsonStream,
  RequestError,
  type SessionUpdate,
} from '@agentclientprotocol/sdk';
import type { Behaviour, Step } from './script.ts';

const behaviour = JSON.parse(process.env.SCRIPTED_AGENT ?? '{}') as Behaviour;
const logFile = process.env.SCRIPTED_AGENT_LOG;
const stateFile = process.env.SCRIPTED_AGENT_STATE;
const { modes = 'set_mode', version = 1, replay = 'none' } = behaviour;

interface Session {
  readonly prompts: string[];
  readonly said: string[];
  mode: string;
  model: string;
}

const sessions = new Map<string, Session>(
  stateFile !== undefined && existsSync(stateFile)
    ? (JSON.parse(readFileSync(stateFile, 'utf8')) as [string, Session][])
    : [],
);
const cancelled = new Map<string, () => void>();

function log(what: string, content: unknown): void {
  if (logFile !== undefined)
    appendFileSync(logFile, `${JSON.stringify({ pid: process.pid, what, content })}\n`);
}

function save(): void {
  if (stateFile !== undefined) writeFileSync(stateFile, JSON.stringify([...sessions]));
}

function raw(line: string): void {
  process.stdout.write(line);
}

function hold(): Promise<never> {
  return new Promise(() => setInterval(() => undefined, 1000));
}

const modeIds = behaviour.modeIds ?? ['default', 'auto', 'plan', 'full'];
const state = (session: Session): object =>
  modes === 'none'
    ? {}
    : {
        ...(modes === 'set_mode'
          ? {
              modes: {
                currentModeId: session.mode,
                availableModes: modeIds.map((id) => ({ id, name: id })),
              },
            }
          : {}),
        configOptions: optionsOf(session),
      };

function optionsOf({ mode, model }: Session): {
  id: string;
  name: string;
  type: 'select';
  currentValue: string;
  options: { value: string; name: string }[];
  category?: string;
}[] {
  const select = (id: string, current: string, values: readonly string[]) => ({
    id,
    name: id,
    category: id,
    type: 'select' as const,
    currentValue: current,
    options: values.map((value) => ({ value, name: value })),
  });
  return [
    ...(modes === 'option' ? [select('mode', mode, modeIds)] : []),
    ...(behaviour.models === undefined ? [] : [select('model', model, behaviour.models)]),
  ];
}

function require(id: string): Session {
  const session = sessions.get(id);
  if (session === undefined) throw RequestError.resourceNotFound(id);
  return session;
}

async function update(client: AgentContext, sessionId: string, content: object): Promise<void> {
  await client.notify(methods.client.session.update, { sessionId, update: content as SessionUpdate });
}

async function say(client: AgentContext, id: string, text: string, messageId?: string): Promise<void> {
  sessions.get(id)?.said.push(text);
  await update(client, id, {
    sessionUpdate: 'agent_message_chunk',
    content: { type: 'text', text },
    ...(messageId === undefined ? {} : { messageId }),
  });
}

async function replayOf(client: AgentContext, id: string): Promise<void> {
  const { prompts, said } = require(id);
  for (const text of prompts)
    await update(client, id, { sessionUpdate: 'user_message_chunk', content: { type: 'text', text } });
  for (const [index, text] of said.entries()) {
    if (replay === 'late' && index > 0) await sleep(behaviour.replayGapMs ?? 100);
    await update(client, id, { sessionUpdate: 'agent_message_chunk', content: { type: 'text', text } });
  }
}

interface Turn {
  readonly client: AgentContext;
  readonly sessionId: string;
  readonly signal: AbortSignal;
  outcome: unknown;
  end: {
    stopReason: 'end_turn' | 'max_tokens' | 'refusal' | 'cancelled' | 'max_turn_requests';
    usage?: unknown;
    _meta?: unknown;
  };
}

async function play(steps: readonly Step[], turn: Turn): Promise<void> {
  const { client, sessionId, signal } = turn;
  for (const step of steps) {
    if (signal.aborted && behaviour.ignoresCancel !== true) return;
    if ('say' in step) await say(client, sessionId, step.say, step.messageId);
    if ('sayMany' in step)
      for (let left = step.sayMany; left > 0; left--)
        await say(client, sessionId, step.piece ?? '0123456789');
    if ('think' in step)
      await update(client, sessionId, {
        sessionUpdate: 'agent_thought_chunk',
        content: { type: 'text', text: step.think },
      });
    if ('update' in step) await update(client, step.session ?? sessionId, step.update);
    if ('raw' in step) raw(step.raw.replaceAll('$SESSION', sessionId));
    if ('rawMany' in step) raw('x'.repeat(step.rawMany));
    if ('sayMode' in step) await say(client, sessionId, require(sessionId).mode);
    if ('sayModel' in step) await say(client, sessionId, require(sessionId).model);
    if ('sayPrompts' in step) await say(client, sessionId, JSON.stringify(require(sessionId).prompts));
    if ('sayEnvironment' in step) await say(client, sessionId, JSON.stringify(process.env));
    if ('sayFolder' in step) await say(client, sessionId, process.cwd());
    if ('sayPid' in step) await say(client, sessionId, `pid ${process.pid}`);
    if ('ask' in step) {
      const asking = client.request(methods.client.session.requestPermission, {
        sessionId: step.session ?? sessionId,
        toolCall: step.ask as never,
        options: (step.options ?? standardOptions) as never,
      });
      turn.outcome = await asking;
      log('outcome', turn.outcome);
    }
    if ('sayOutcome' in step) await say(client, sessionId, JSON.stringify(turn.outcome));
    if ('ifAllowed' in step && JSON.stringify(turn.outcome).includes('allow'))
      await play(step.ifAllowed, turn);
    if ('request' in step) {
      const answer = await client.request(step.request, step.params ?? { sessionId }).catch((error) => error);
      await say(client, sessionId, answer instanceof RequestError ? `error ${answer.code}` : 'answered');
    }
    if ('waitFor' in step)
      while (!existsSync(step.waitFor) && !(signal.aborted && behaviour.ignoresCancel !== true))
        await sleep(10);
    if ('touch' in step) writeFileSync(step.touch, String(process.pid));
    if ('write' in step) writeFileSync(step.write, step.content);
    if ('die' in step) process.exit(step.die);
    if ('stderr' in step)
      for (let left = step.times ?? 1; left > 0; left--) process.stderr.write(`${step.stderr}\n`);
    if ('closeStdout' in step) {
      process.stdout.end();
      await hold();
    }
    if ('child' in step) {
      const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], {
        detached: true,
        stdio: 'ignore',
      });
      child.unref();
      writeFileSync(step.child, String(child.pid));
    }
    if ('stop' in step) turn.end = { ...turn.end, stopReason: step.stop };
    if ('usage' in step) turn.end = { ...turn.end, usage: step.usage };
    if ('meta' in step) turn.end = { ...turn.end, _meta: step.meta };
    if ('later' in step)
      setTimeout(() => void play(step.later, { ...turn, signal: new AbortController().signal }), 0);
    if ('hang' in step)
      await new Promise<void>((resolve) => {
        const timer = setInterval(() => undefined, 1000);
        if (behaviour.ignoresCancel === true) return;
        const onAbort = (): void => {
          clearInterval(timer);
          resolve();
        };
        if (signal.aborted) onAbort();
        signal.addEventListener('abort', onAbort);
      });
  }
}

const standardOptions = [
  { optionId: 'yes', name: 'Allow', kind: 'allow_once' },
  { optionId: 'yes-always', name: 'Always allow', kind: 'allow_always' },
  { optionId: 'no', name: 'Reject', kind: 'reject_once' },
];

for (const line of behaviour.greeting ?? []) raw(line);
if (behaviour.stderr !== undefined) process.stderr.write(`${behaviour.stderr}\n`);
if (behaviour.exit !== undefined) process.exit(behaviour.exit);
if (behaviour.startGate !== undefined) while (!existsSync(behaviour.startGate)) await sleep(10);

let count = 0;
let signedInWith: string | undefined;
agent({ name: 'scripted' })
  .onRequest(methods.agent.initialize, async ({ params }) => {
    log('initialize', params);
    if (behaviour.neverInitializes === true) await hold();
    return {
      protocolVersion: version as number,
      agentInfo: { name: 'scripted', version: '9.8.7' },
      agentCapabilities: {
        loadSession: replay !== 'none',
        mcpCapabilities: { http: behaviour.takesUrls === true },
        promptCapabilities: { image: behaviour.takesImages === true },
        sessionCapabilities: behaviour.resumes === true ? { resume: {} } : {},
      },
    };
  })
  .onRequest(methods.agent.authenticate, async ({ params }) => {
    log('authenticate', params);
    signedInWith = params.methodId;
    return {};
  })
  .onRequest(methods.agent.session.new, async ({ params, client }) => {
    log('new', params);
    if (behaviour.needsSignIn !== undefined && behaviour.needsSignIn !== signedInWith)
      throw RequestError.authRequired();
    const id = `agent-session-${process.pid}-${++count}`;
    if (behaviour.updatesBeforeCreation === true)
      await update(client, id, {
        sessionUpdate: 'agent_message_chunk',
        content: { type: 'text', text: 'TOO EARLY' },
      });
    const session: Session = {
      prompts: [],
      said: [],
      mode: behaviour.firstMode ?? 'auto',
      model: behaviour.models?.[0] ?? 'none',
    };
    sessions.set(id, session);
    save();
    return { sessionId: id, ...state(session) };
  })
  .onRequest(methods.agent.session.load, async ({ params, client }) => {
    log('load', params);
    const session = require(params.sessionId);
    if (replay === 'late') void replayOf(client, params.sessionId);
    else await replayOf(client, params.sessionId);
    return state(session);
  })
  .onRequest(methods.agent.session.resume, async ({ params }) => {
    log('resume', params);
    return state(require(params.sessionId));
  })
  .onRequest(methods.agent.session.setMode, async ({ params }) => {
    log('set_mode', params);
    if (behaviour.refusesModes === true) throw RequestError.invalidParams();
    require(params.sessionId).mode = params.modeId;
    return {};
  })
  .onRequest(methods.agent.session.setConfigOption, async ({ params }) => {
    log('set_config_option', params);
    const session = require(params.sessionId);
    if (params.configId === 'mode' && behaviour.refusesModes !== true) session.mode = String(params.value);
    if (params.configId === 'model') session.model = String(params.value);
    return { configOptions: optionsOf(session) };
  })
  .onRequest(methods.agent.session.prompt, async ({ params, client }) => {
    const { sessionId, prompt } = params;
    const [first] = prompt;
    const text = first?.type === 'text' ? first.text : '';
    log('prompt', { sessionId, text, ...(prompt.length > 1 ? { rest: prompt.slice(1) } : {}) });
    require(sessionId).prompts.push(text);
    save();
    const control = new AbortController();
    cancelled.set(sessionId, () => control.abort());
    const turn: Turn = {
      client,
      sessionId,
      signal: control.signal,
      outcome: undefined,
      end: { stopReason: 'end_turn' },
    };
    await play(stepsIn(text), turn);
    save();
    return (control.signal.aborted ? { stopReason: 'cancelled' } : turn.end) as { stopReason: 'end_turn' };
  })
  .onNotification(methods.agent.session.cancel, ({ params }) => {
    log('cancel', params);
    cancelled.get(params.sessionId)?.();
  })
  .connect(
    ndJsonStream(
      Writable.toWeb(process.stdout) as WritableStream<Uint8Array>,
      Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>,
    ),
  );

/** The script may come with text of the server around it. */
function stepsIn(text: string): readonly Step[] {
  const start = text.lastIndexOf('\n[{') + 1;
  try {
    return JSON.parse(text.slice(text.startsWith('[{') ? 0 : start)) as readonly Step[];
  } catch {
    return [{ say: `You said: ${text}` }];
  }
}
