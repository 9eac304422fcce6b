// The tool calls of a turn: puts their updates together, and records each call once it is known what it does.

import { CodeBuddyError } from '../../base/errors.ts';
import type { ForeignContext, ForeignTool } from '../foreign-types.ts';
import { capText } from '../tools/cap-output.ts';
import type { ToolOutcome } from '../tools/tool.ts';
import { changedFiles, moreChanges, recordedCall } from './name-call.ts';
import { type CallFacts, unknownCall, withUpdate } from './read-call.ts';

/** More calls in one turn are a fault of the agent. */
const maxCalls = 10_000;

interface Tracked {
  facts: CallFacts;
  recorded: ForeignTool | undefined;
  /** The output that live readers have seen. */
  shown: string;
  hasEnded: boolean;
  /** Why it was denied. */
  denied: string | undefined;
}

export interface TurnCallsOptions {
  readonly context: Pick<ForeignContext, 'beginTool'>;
  /** The root of the workspace. */
  readonly workspace: string;
  /** Called before a call is recorded: the text before it is complete. */
  readonly beforeRecord: () => void;
  /** Called for a call that has changed files without a permission. */
  readonly onUnaskedChange: (call: CallFacts) => void;
}

export class TurnCalls {
  readonly #options: TurnCallsOptions;
  readonly #calls = new Map<string, Tracked>();
  /** The files that were allowed in this turn: a subagent's request may name another call. */
  readonly #allowedFiles = new Set<string>();
  #denials = 0;
  #running = 0;

  constructor(options: TurnCallsOptions) {
    this.#options = options;
  }

  /** True while a recorded call has not ended. */
  get isRunning(): boolean {
    return this.#running > 0;
  }

  get hasAny(): boolean {
    return this.#calls.size > 0;
  }

  get hasDenied(): boolean {
    return this.#denials > 0;
  }

  /** An update may be the first that is heard of its call. */
  update(update: Readonly<Record<string, unknown>>): void {
    const call = this.#merge(update);
    if (call === undefined || call.hasEnded) return;
    const { facts } = call;
    if (facts.status === 'completed' || facts.status === 'failed') {
      this.#end(call, outcomeOf(call));
      return;
    }
    // Some agents announce a call before they know its parameters.
    if (facts.status === 'in_progress' || isTelling(facts)) this.#record(call);
    this.#showOutput(call);
  }

  /** Records the call that a permission is asked for. */
  asked(update: Readonly<Record<string, unknown>>): CallFacts {
    const call = this.#merge(update);
    // Only the request itself tells what it is about.
    if (call === undefined || call.hasEnded) return withUpdate(unknownCall(''), update);
    this.#record(call);
    return call.facts;
  }

  allowed(facts: CallFacts): void {
    for (const file of changedFiles(facts, this.#options.workspace)) this.#allowedFiles.add(file);
  }

  denied({ id }: CallFacts, reason: string): void {
    this.#denials++;
    const call = this.#calls.get(id);
    if (call !== undefined) call.denied = reason;
  }

  /** Ends the calls whose end the agent did not tell. */
  endAll(outcome: ToolOutcome): void {
    for (const call of this.#calls.values())
      if (!call.hasEnded && call.recorded !== undefined) this.#end(call, deniedOutcome(call) ?? outcome);
  }

  /** Whether all files that the call changes were allowed in this turn. */
  #isAllowed(facts: CallFacts): boolean {
    return changedFiles(facts, this.#options.workspace).every((file) => this.#allowedFiles.has(file));
  }

  #merge(update: Readonly<Record<string, unknown>>): Tracked | undefined {
    const { toolCallId } = update;
    if (typeof toolCallId !== 'string') return undefined;
    let call = this.#calls.get(toolCallId);
    // Some agents use an id again.
    if (call?.hasEnded && update.sessionUpdate === 'tool_call') call = undefined;
    if (call === undefined) {
      if (this.#calls.size === maxCalls) return undefined;
      call = newCall(unknownCall(toolCallId));
      this.#calls.set(toolCallId, call);
    }
    if (!call.hasEnded) call.facts = withUpdate(call.facts, update);
    return call;
  }

  #record(call: Tracked): ForeignTool {
    if (call.recorded === undefined) {
      this.#options.beforeRecord();
      call.recorded = this.#options.context.beginTool(recordedCall(call.facts, this.#options.workspace));
      this.#running++;
    }
    return call.recorded;
  }

  #showOutput(call: Tracked): void {
    const { text } = call.facts;
    if (call.recorded === undefined || text === call.shown) return;
    // Content is sent whole; readers get what was added.
    const added = text.startsWith(call.shown) ? text.slice(call.shown.length) : text;
    call.recorded.output(capText(added).text);
    call.shown = text;
  }

  #end(call: Tracked, outcome: ToolOutcome): void {
    const { workspace } = this.#options;
    const recorded = this.#record(call);
    this.#running--;
    call.hasEnded = true;
    recorded.end(outcome, recordedCall(call.facts, workspace));
    if (outcome.ok) this.#changed(call.facts);
    // The text of an ended call is not needed any more.
    call.facts = unknownCall(call.facts.id);
  }

  #changed(facts: CallFacts): void {
    const { context, workspace } = this.#options;
    for (const change of moreChanges(facts, workspace))
      context.beginTool(change).end({ ok: true, result: `Changed ${String(change.params.path)}.` }, change);
    if (changedFiles(facts, workspace).length > 0 && !this.#isAllowed(facts))
      this.#options.onUnaskedChange(facts);
  }
}

function newCall(facts: CallFacts): Tracked {
  return { facts, recorded: undefined, shown: '', hasEnded: false, denied: undefined };
}

/** Whether it says what the call does. */
function isTelling({ input, diffs, paths, text }: CallFacts): boolean {
  return Object.keys(input).length > 0 || diffs.length > 0 || paths.length > 0 || text !== '';
}

function outcomeOf(call: Tracked): ToolOutcome {
  const { status, text, output, title, diffs } = call.facts;
  const said = text !== '' ? text : textOfOutput(output);
  if (status === 'failed')
    return (
      deniedOutcome(call) ?? {
        ok: false,
        error: new CodeBuddyError('tool_failed', said === '' ? `${title || 'The tool'} failed.` : said),
      }
    );
  if (said !== '') return { ok: true, result: said };
  return {
    ok: true,
    result: diffs.length > 0 ? `Changed ${diffs.map(({ path }) => path).join(', ')}.` : title,
  };
}

function deniedOutcome({ denied }: Tracked): ToolOutcome | undefined {
  return denied === undefined
    ? undefined
    : { ok: false, error: new CodeBuddyError('permission_denied', denied) };
}

function textOfOutput(output: unknown): string {
  if (output === undefined) return '';
  return typeof output === 'string' ? output : (JSON.stringify(output) ?? '');
}
