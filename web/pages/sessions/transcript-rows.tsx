// The rows of a transcript: prompts and answers told apart by a rule at the margin, tool calls as one line that opens.

import { useState } from 'preact/hooks';
import type { Message } from '../../../src/client/web.ts';
import { firstValueOf } from '../../parts/first-value.ts';
import { formatCost, formatDuration, plural } from '../../parts/format.ts';
import { Json, LongText } from '../../parts/json.tsx';
import { Markdown } from '../../parts/markdown.tsx';
import { Time } from '../../parts/time.tsx';
import { Turn } from '../../parts/turn.tsx';
import { EditDiff, isEdit } from './edit-diff.tsx';
import { PartList } from './part-list.tsx';
import { Reasoning } from './reasoning.tsx';
import type { Row } from './rows.ts';
import { isStored, type OpenCall, type RunEnd } from './transcript-state.ts';

export interface RowProps {
  readonly row: Row;
  /** Forks the session after the message. Undefined if the caller may not. */
  readonly fork: ((message: Message) => void) | undefined;
}

export function TranscriptRow({ row, fork }: RowProps) {
  switch (row.kind) {
    case 'message':
      return row.message.role === 'tool' ? (
        <ToolMessage message={row.message} />
      ) : (
        <Words message={row.message} fork={fork} />
      );
    case 'reads':
      return row.messages.length === 1 ? (
        <ToolMessage message={row.messages[0] as Message} />
      ) : (
        <Reads messages={row.messages} />
      );
    case 'end':
      return <End end={row.end} calls={row.calls} />;
    case 'call':
      return <RunningCall call={row.call} />;
    case 'reasoning':
      return (
        <article class="words" aria-label="Reasoning" aria-busy="true">
          <p class="quiet by">Agent, reasoning</p>
          <Reasoning text={row.isWhole ? row.text : `… ${row.text}`} />
        </article>
      );
    case 'text':
      return (
        <article class="words" aria-label="Answer" aria-busy="true">
          <p class="quiet by">Agent, writing</p>
          <Markdown text={row.isWhole ? row.text : `… ${row.text}`} />
        </article>
      );
  }
}

function Words({ message, fork }: { readonly message: Message; readonly fork: RowProps['fork'] }) {
  const isUser = message.role === 'user';
  const { reasoning, content } = message;
  const label = content === '' ? 'Reasoning' : 'Answer';
  return (
    <article class={isUser ? 'words by-user' : 'words'} aria-label={isUser ? 'Prompt' : label}>
      <p class="quiet by row">
        <span>
          {isUser ? 'You' : 'Agent'}, <Time at={message.createdAt} />
        </span>
        {fork !== undefined && isStored(message) && (
          <button
            type="button"
            class="bare tight fork"
            title="A new session with the messages up to this one"
            onClick={() => fork(message)}
          >
            Fork from here
          </button>
        )}
      </p>
      {reasoning !== undefined && <Reasoning text={reasoning} />}
      {isUser ? <p class="plain">{content}</p> : <Markdown text={content} />}
      <PartList parts={message.parts} />
      {message.incomplete && <p class="warn">The answer was cut off.</p>}
    </article>
  );
}

function Reads({ messages }: { readonly messages: readonly Message[] }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <div class="tool">
      <button type="button" class="bare tool-line" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <Turn isOpen={isOpen} />
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
  const exitCode = tool?.name === 'bash' ? /"exitCode":\s*([1-9]\d*)/.exec(content)?.[1] : undefined;
  return (
    <div class="tool">
      <button type="button" class="bare tool-line" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <Turn isOpen={isOpen} />
        <span class="mono">{tool?.name ?? 'tool'}</span>
        <span class="cut grow quiet">{argumentOf(message)}</span>
        {tool?.durationMs !== undefined && tool.durationMs >= 100 && (
          <span class="quiet">{formatDuration(tool.durationMs)}</span>
        )}
        {exitCode !== undefined && <span class="warn">exit code {exitCode}</span>}
        {isError ? <span class="bad">failed</span> : <span class="unseen">done</span>}
      </button>
      {isOpen && (
        <div class="tool-detail stack">
          {isEdit(tool) && !isError ? (
            <EditDiff tool={tool} />
          ) : (
            <Json value={tool?.params ?? {}} label={`Input of ${tool?.name}`} />
          )}
          {tool !== undefined && isEdit(tool) && !isError ? null : (
            <LongText text={outputOf(content)} label={`Output of ${tool?.name}`} />
          )}
          <PartList parts={message.parts} />
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

function End({ end, calls }: { readonly end: RunEnd; readonly calls: number | undefined }) {
  if (end.type === 'run.complete') {
    const { usage, cost, durationMs, model } = end.data;
    return (
      <p class="run-end quiet">
        Done in {formatDuration(durationMs)}
        {calls !== undefined && calls > 0 && `, ${plural(calls, 'tool call')}`}
        {usage !== null && `, ${plural(usage.totalTokens, 'token')}`}
        {cost !== null && `, ${formatCost(cost)}`}
        {model !== null && `, ${model}`}
      </p>
    );
  }
  if (end.type === 'run.cancelled')
    return <p class="run-end warn">The run was cancelled: {end.data.reason}</p>;
  return (
    <p class="run-end bad">
      {end.data.interrupted ? 'The run was interrupted' : 'The run failed'}: {end.data.message}{' '}
      <span class="quiet mono">{end.data.code}</span>
    </p>
  );
}

/** The output of a command as text rather than JSON. */
function outputOf(content: string): string {
  if (!content.startsWith('{')) return content;
  try {
    const { stdout, stderr, exitCode } = JSON.parse(content) as Readonly<Record<string, unknown>>;
    if (typeof stdout !== 'string' || typeof stderr !== 'string') return content;
    const end = exitCode === 0 ? '' : `[exit code ${exitCode}]`;
    return [stdout, stderr, end].filter((text) => text !== '').join('\n') || '(no output)';
  } catch {
    return content;
  }
}

function argumentOf({ tool }: Message): string {
  return firstText(tool?.params);
}

function firstText(params: unknown): string {
  return firstValueOf(params).replace(/\s+/g, ' ').slice(0, 200);
}
