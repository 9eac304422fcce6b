// Reports the tool calls of one run to the editor: a call waits, runs, writes output, and ends.

import type { SessionUpdate, ToolCallContent, ToolCallUpdate } from '@agentclientprotocol/sdk/unstable';
import { readBefore } from '../base/file-before.ts';
import { isRecord } from '../base/is-record.ts';
import { cutTail } from '../base/text.ts';
import type { StreamEvent } from '../client/index.ts';
import { plainContent, resultText, textContent } from './call-result.ts';
import { type Call, callOf, diffOf, pathOf, viewOf } from './call-view.ts';
import type { Place } from './server-link.ts';

export type SendUpdate = (update: SessionUpdate) => Promise<void>;

type EventOf<T extends StreamEvent['type']> = StreamEvent & { readonly type: T };

/** Output is sent at most this often. */
const outputPauseMs = 100;
/** The end of the output that is shown while a command runs. */
const maxShownOutput = 16_384;

interface OpenCall {
  readonly call: Call;
  /** The editor shows the change that the call makes. */
  readonly hasDiff: boolean;
  output: string;
  timer: NodeJS.Timeout | undefined;
}

export class ToolCalls {
  readonly #open = new Map<string, OpenCall>();
  readonly #place: Place;
  readonly #send: SendUpdate;

  constructor(place: Place, send: SendUpdate) {
    this.#place = place;
    this.#send = send;
  }

  /** Shows a call that waits for a permission. Returns what the editor shows with the question. */
  async wait({ data }: EventOf<'permission.request'>): Promise<ToolCallUpdate> {
    const id = data.callId ?? data.permissionId;
    const call = callOf(data.tool, data.params, data.realPath);
    const { content, view } = this.#begin(id, call, this.#read(call) ?? null);
    await this.#send({ sessionUpdate: 'tool_call', toolCallId: id, status: 'pending', ...view, content });
    return { toolCallId: id, status: 'pending', ...view, content };
  }

  /** Ends the call that was shown for a permission without a call of its own, as other agents ask for. */
  async settle({ data }: EventOf<'permission.resolved'>): Promise<void> {
    const { permissionId: id, decision } = data;
    if (this.#end(id) === undefined) return;
    const status = decision === 'deny' ? 'failed' : 'completed';
    await this.#send({ sessionUpdate: 'tool_call_update', toolCallId: id, status });
  }

  async start({ data }: EventOf<'tool.start'>): Promise<void> {
    const { callId: id, tool, params } = data;
    if (this.#open.has(id)) {
      await this.#send({ sessionUpdate: 'tool_call_update', toolCallId: id, status: 'in_progress' });
      return;
    }
    const call = callOf(tool, params);
    const before = this.#read(call);
    // The tool may have replaced the content already.
    const isKnown = this.#place.isLocal && before !== call.params.content;
    const { content, view } = this.#begin(id, call, isKnown ? (before ?? null) : undefined);
    await this.#send({ sessionUpdate: 'tool_call', toolCallId: id, status: 'in_progress', ...view, content });
  }

  output({ data }: EventOf<'tool.output'>): void {
    const one = this.#open.get(data.callId);
    if (one === undefined) return;
    one.output = cutTail(one.output + data.text, maxShownOutput);
    one.timer ??= setTimeout(() => {
      one.timer = undefined;
      const content = [plainContent(one.output)];
      // If the editor has left, the turn ends.
      this.#send({ sessionUpdate: 'tool_call_update', toolCallId: data.callId, content }).catch(
        () => undefined,
      );
    }, outputPauseMs);
  }

  async complete({ data }: EventOf<'tool.complete'>): Promise<void> {
    const { callId: id, tool, result } = data;
    const one = this.#end(id);
    const content = one?.hasDiff ? undefined : this.#resultContent(one?.call ?? callOf(tool, {}), result);
    await this.#send({
      sessionUpdate: 'tool_call_update',
      toolCallId: id,
      status: 'completed',
      ...(content === undefined ? {} : { content }),
      rawOutput: result,
    });
  }

  async fail({ data }: EventOf<'tool.error'>): Promise<void> {
    const { callId: id, tool, code, message } = data;
    const one = this.#end(id);
    const content = [textContent(message)];
    const end = { toolCallId: id, status: 'failed', content, rawOutput: { code, message } } as const;
    if (one !== undefined) await this.#send({ sessionUpdate: 'tool_call_update', ...end });
    // A call that was refused before it started.
    else
      await this.#send({
        sessionUpdate: 'tool_call',
        ...viewOf(callOf(tool, {}), this.#place.workspace),
        ...end,
      });
  }

  /** Adds a note to a call that waits. */
  async note(id: string, text: string): Promise<void> {
    await this.#send({ sessionUpdate: 'tool_call_update', toolCallId: id, content: [textContent(text)] });
  }

  /** Ends the calls that the end of the run, or of the server, cut off. */
  async endAll(): Promise<void> {
    for (const id of [...this.#open.keys()]) {
      this.#end(id);
      await this.#send({ sessionUpdate: 'tool_call_update', toolCallId: id, status: 'failed' });
    }
  }

  #begin(id: string, call: Call, before: string | null | undefined) {
    const { workspace } = this.#place;
    const diff = diffOf(call, workspace, before);
    this.#open.set(id, { call, hasDiff: diff !== undefined, output: '', timer: undefined });
    return { view: viewOf(call, workspace), content: diff === undefined ? [] : [diff] };
  }

  #end(id: string): OpenCall | undefined {
    const one = this.#open.get(id);
    clearTimeout(one?.timer);
    this.#open.delete(id);
    return one;
  }

  /** The content that `write_file` replaces. Undefined if there is none. */
  #read(call: Call): string | undefined {
    const { workspace, isLocal } = this.#place;
    const path = pathOf(call, workspace);
    if (call.tool !== 'write_file' || !isLocal || workspace === undefined || path === undefined)
      return undefined;
    return readBefore(workspace, path);
  }

  #resultContent(call: Call, result: unknown): ToolCallContent[] {
    const isNew = call.tool === 'write_file' && isRecord(result) && result.created === true;
    const diff = isNew ? diffOf(call, this.#place.workspace, null) : undefined;
    const text = resultText(result);
    if (diff !== undefined) return [diff];
    return text === '' ? [] : [plainContent(text)];
  }
}
