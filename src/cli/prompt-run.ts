// Sends a prompt and shows its run as it works: the answer on standard output; tool calls, questions and, on a terminal,
// the model's reasoning on standard error.

import { shorten } from '../base/text.ts';
import {
  type CodeBuddyClient,
  CodeBuddyConnectionError,
  type PromptRequest,
  type StreamEvent,
} from '../client/index.ts';
import { runEndEvents } from '../contract/event-catalogue.ts';
import { startBusyLine } from './busy-line.ts';
import { complain, oneLine, type Pieces, paint, printJsonLine, printPieces } from './output.ts';
import type { OutputFormat } from './output-format.ts';
import {
  type Ask,
  answerRequired,
  createAsking,
  permissionRequired,
  type Reply,
} from './permission-asking.ts';
import { cutOff } from './prompt-outcome.ts';
import type { Place } from './prompt-place.ts';

interface RunView {
  readonly format: OutputFormat;
  readonly place: Place;
  /** Undefined without a terminal. */
  readonly ask: Ask | undefined;
  /** Answers questions of the agent. Undefined without a terminal. */
  readonly reply: Reply | undefined;
  /** Without a terminal, wait until a permission is decided elsewhere. */
  readonly wait: boolean;
  /** Called once, with the session of the run. */
  readonly onSession?: (sessionId: string) => void;
}

const ends: ReadonlySet<string> = new Set(runEndEvents);

/** Returns the event that ended the run. */
export async function showRun(
  client: CodeBuddyClient,
  request: PromptRequest,
  { format, place, ask, reply, wait, onSession }: RunView,
  signal: AbortSignal,
): Promise<StreamEvent> {
  let openQuestions = 0;
  // A line must not replace a question.
  const writer = createWriter(format, () => openQuestions === 0);
  const asking = createAsking(client, place, signal);
  let runId: string | undefined;
  let last: StreamEvent | undefined;
  try {
    // Only without a terminal: Ctrl-C at a question cancels the run.
    const keepWaiting = ask === undefined && !wait;
    for await (const event of client.stream(request, { signal, keepWaiting, resume: false })) {
      if (runId === undefined && event.sessionId !== undefined) onSession?.(event.sessionId);
      runId ??= event.runId;
      if (format === 'stream-json') printJsonLine(event);
      const { type, data } = event;
      if (type === 'permission.request') {
        writer.endLine();
        if (ask === undefined && !wait) throw await permissionRequired(event, place);
        openQuestions++;
        await asking.start(event, ask);
      } else if (type === 'question.asked') {
        writer.endLine();
        if (reply === undefined && !wait) throw answerRequired(event);
        openQuestions++;
        asking.startQuestion(event, reply);
      } else if (type === 'question.answered' || type === 'question.expired') {
        await asking.end(event.data.questionId);
        openQuestions--;
        if (format === 'text')
          complain(
            paint('dim', `· ${type === 'question.answered' ? oneLine(event.data.answer) : 'not answered'}`),
          );
      } else if (type === 'permission.resolved') {
        await asking.end(String(data.permissionId));
        openQuestions--;
        if (format === 'text') complain(paint('dim', `· ${oneLine(String(data.decision))}`));
      } else if (ends.has(type)) last = event;
      else writer.show(event);
    }
  } catch (error) {
    if (error instanceof CodeBuddyConnectionError && runId !== undefined) throw cutOff(runId, error);
    throw error;
  } finally {
    await asking.endAll();
    writer.endLine();
  }
  if (last === undefined) throw cutOff(runId, undefined);
  return last;
}

interface Writer {
  show(event: StreamEvent): void;
  endLine(): void;
}

/** For `text`. As JSON, the answer is printed as a whole at the end, or with the events. */
function createWriter(format: OutputFormat, mayBeBusy: () => boolean): Writer {
  let streamed = false;
  const answer = printPieces();
  const reasoning = printPieces(process.stderr, (text) => paint('dim', text));
  let current: Pieces | undefined;
  let atLineStart = true;
  const endLine = (): void => {
    current?.end();
    if (!atLineStart) current?.write('\n');
    current = undefined;
    atLineStart = true;
  };
  const write = (target: Pieces, text: string): void => {
    if (text === '') return;
    if (target !== current) endLine();
    current = target;
    target.write(text);
    atLineStart = text.endsWith('\n');
  };
  const busy = (text: string): void => {
    if (mayBeBusy()) startBusyLine(text);
  };
  if (format === 'text') busy('Waiting for the agent');
  return {
    endLine,
    show({ type, data }) {
      if (format !== 'text') return;
      if (type === 'tool.start') {
        endLine();
        complain(paint('dim', oneLine(`· ${data.tool} ${shorten(JSON.stringify(data.params), 120)}`)));
        busy(data.tool);
      } else if (type === 'tool.complete' || type === 'tool.error') {
        busy('Waiting for the agent');
      } else if (type === 'reasoning.delta') {
        if (process.stderr.isTTY !== true) return;
        if (current !== reasoning) write(reasoning, '· reasoning: ');
        write(reasoning, String(data.text));
      } else if (type === 'message.delta') {
        streamed = true;
        write(answer, String(data.text));
      } else if (type === 'message.assistant') {
        if (!streamed) write(answer, String(data.text));
        // The next text belongs to another message.
        endLine();
        streamed = false;
      }
    },
  };
}
