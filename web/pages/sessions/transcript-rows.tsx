// The rows of a transcript: prompts and answers told apart by a rule at the margin, tool calls as one line that opens.

import { useState } from 'preact/hooks';
import type { Message } from '../../../src/client/web.ts';
import { formatCost, formatDuration, plural } from '../../parts/format.ts';
import { Icon } from '../../parts/icon.tsx';
import { Json, LongText } from '../../parts/json.tsx';
import { Markdown } from '../../parts/markdown.tsx';
import { Time } from '../../parts/time.tsx';
import { EditDiff, isEdit } from './edit-diff.tsx';
import type { OpenCall, RunEnd, Transcript } from './transcript.ts';

export type Row =
  | { readonly kind: 'message'; readonly message: Message }
  /** Tool calls that only read, one after the other. */
  | { readonly kind: 'reads'; readonly messages: readonly Message[] }
  | { readonly kind: 'end'; readonly end: RunEnd }
  | { readonly kind: 'call'; readonly call: OpenCall }
  | { readonly kind: 'text'; readonly text: string };

const readTools: ReadonlySet<string> = new Set(['read_file', 'list_directory', 'glob', 'search']);

export function rowKey(row: Row): string {
  switch (row.kind) {
    case 'message':
      return row.message.id;
    case 'reads':
      return `reads ${row.messages[0]?.id}`;
    case 'end':
      return `end ${row.end.runId}`;
    case 'call':
      return row.call.callId;
    case 'text':
      return 'text';
  }
}

/** Consecutive reads are one row; the end of a run follows its last message. */
export function rowsOf({ messages = [], ends, openCalls, text }: Transcript): readonly Row[] {
  const rows: Row[] = [];
  for (const [index, message] of messages.entries()) {
    const last = rows.at(-1);
    if (message.role === 'tool' && !message.tool?.isError && readTools.has(message.tool?.name ?? '')) {
      if (last?.kind === 'reads')
        rows[rows.length - 1] = { kind: 'reads', messages: [...last.messages, message] };
      else rows.push({ kind: 'reads', messages: [message] });
    } else rows.push({ kind: 'message', message });
    const end = message.runId === null ? undefined : ends.get(message.runId);
    if (end !== undefined && messages[index + 1]?.runId !== message.runId) rows.push({ kind: 'end', end });
  }
  for (const call of openCalls) rows.push({ kind: 'call', call });
  if (text !== '') rows.push({ kind: 'text', text });
  return rows;
}

export function TranscriptRow({ row }: { readonly row: Row }) {
  switch (row.kind) {
    case 'message':
      return row.message.role === 'tool' ? (
        <ToolMessage message={row.message} />
      ) : (
        <Words message={row.message} />
      );
    case 'reads':
      return row.messages.length === 1 ? (
        <ToolMessage message={row.messages[0] as Message} />
      ) : (
        <Reads messages={row.messages} />
      );
    case 'end':
      return <End end={row.end} />;
    case 'call':
      return <RunningCall call={row.call} />;
    case 'text':
      return (
        <article class="words" aria-busy="true">
          <Markdown text={row.text} />
        </article>
      );
  }
}

function Words({ message }: { readonly message: Message }) {
  const isUser = message.role === 'user';
  return (
    <article class={isUser ? 'words by-user' : 'words'} aria-label={isUser ? 'Prompt' : 'Answer'}>
      <p class="quiet by">
        {isUser ? 'You' : 'Agent'}, <Time at={message.createdAt} />
      </p>
      {isUser ? <p class="plain">{message.content}</p> : <Markdown text={message.content} />}
      {message.incomplete && <p class="warn">The answer was cut off.</p>}
    </article>
  );
}

function Reads({ messages }: { readonly messages: readonly Message[] }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <div class="tool">
      <button type="button" class="bare tool-line" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <span class={isOpen ? 'turn is-open' : 'turn'}>
          <Icon name="open" />
        </span>
        Read {plural(messages.length, 'time')}:{' '}
        <span class="cut grow quiet">{messages.map(argumentOf).join(', ')}</span>
      </button>
      {isOpen && messages.map((message) => <ToolMessage key={message.id} message={message} />)}
    </div>
  );
}

function ToolMessage({ message }: { readonly message: Message }) {
  const [isOpen, setOpen] = useState(false);
  const { tool, content } = message;
  const isError = tool?.isError === true;
  return (
    <div class="tool">
      <button type="button" class="bare tool-line" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <span class={isOpen ? 'turn is-open' : 'turn'}>
          <Icon name="open" />
        </span>
        <span class="mono">{tool?.name ?? 'tool'}</span>
        <span class="cut grow quiet">{argumentOf(message)}</span>
        {isError && <span class="bad">failed</span>}
      </button>
      {isOpen && (
        <div class="tool-detail stack">
          {isEdit(tool) && !isError ? (
            <EditDiff tool={tool} />
          ) : (
            <Json value={tool?.params ?? {}} label={`Input of ${tool?.name}`} />
          )}
          <LongText text={content} label={`Output of ${tool?.name}`} />
        </div>
      )}
    </div>
  );
}

function RunningCall({ call: { tool, params, startedAt, output } }: { readonly call: OpenCall }) {
  return (
    <div class="tool" aria-busy="true">
      <p class="row">
        <span class="mono">{tool}</span>
        <span class="cut grow quiet">{firstText(params)}</span>
        <span class="quiet">
          since <Time at={startedAt} />
        </span>
      </p>
      {output !== '' && <LongText text={output} label={`Output of ${tool} so far`} />}
    </div>
  );
}

function End({ end }: { readonly end: RunEnd }) {
  if (end.type === 'run.complete') {
    const { usage, cost, durationMs, model } = end.data;
    return (
      <p class="run-end quiet">
        {formatDuration(durationMs)}
        {usage !== null && `, ${plural(usage.totalTokens, 'token')}`}
        {cost !== null && `, ${formatCost(cost)}`}
        {model !== null && `, ${model}`}
      </p>
    );
  }
  const text =
    end.type === 'run.failed'
      ? `The run failed: ${end.data.message}`
      : `The run was cancelled: ${end.data.reason}`;
  return <p class="run-end bad">{text}</p>;
}

function argumentOf({ tool }: Message): string {
  return firstText(tool?.params);
}

function firstText(params: unknown): string {
  if (typeof params !== 'object' || params === null) return '';
  const value = Object.values(params).find((one) => typeof one === 'string' || typeof one === 'number');
  return value === undefined ? '' : String(value).replace(/\s+/g, ' ').slice(0, 200);
}
