// The catalogue: the name, the meaning and the JSON Schema of each event type. Validation, `GET /api/event-types`,
// webhook payloads, the docs and the TypeScript types come from here.
//
// Over 400 lines: a list of all event types.
//
// Over 400 lines: the catalogue is one table.

import { compactionFigures } from './compaction.ts';
import type { EventType } from './event-types.ts';
import { messageOriginSchema, messageSchema } from './message.ts';
import { partsSchema } from './part.ts';
import { decisions, permissionSchema } from './permission.ts';
import { planEntrySchema } from './plan.ts';
import { count, duration, text } from './primitives.ts';
import { promptResultSchema } from './prompt-result.ts';
import { questionSchema } from './question.ts';
import { isolations } from './sandbox.ts';
import type { SchemaType } from './schema-type.ts';
import { toolCallSchema } from './tool-call.ts';
import { undoneFileSchema } from './undo.ts';
import { sessionWorktreeSchema } from './workspace.ts';

interface CatalogueEntry {
  readonly description: string;
  readonly data: {
    readonly type: 'object';
    readonly properties: Readonly<Record<string, object>>;
    readonly required: readonly string[];
    readonly additionalProperties?: false;
  };
}

const webhook = { webhookId: text, name: text } as const;
const triggerCall = {
  triggerId: text,
  callId: text,
  source: text,
  event: {
    type: ['string', 'null'],
    description: 'The event that the sender names, such as `pull_request.opened`.',
  },
} as const;
const fileChange = {
  type: 'object',
  properties: {
    path: { type: 'string', description: 'Relative to the workspace, with `/`.' },
    bytes: count,
    tool: text,
    callId: text,
    workspace: {
      type: 'string',
      description: 'The workspace, if it is another one than that of the server.',
    },
  },
  required: ['path'],
  additionalProperties: false,
} as const;
const undoData = {
  type: 'object',
  properties: {
    undoId: text,
    messageId: { type: 'string', description: 'The prompt.' },
    messages: { ...count, description: 'How many messages were hidden, or brought back.' },
    files: { type: 'array', items: undoneFileSchema },
  },
  required: ['undoId', 'messageId', 'messages', 'files'],
  additionalProperties: false,
} as const;
const { response, data, model, usage, cost, finishReason } = promptResultSchema.properties;
const { callId, params, rule, alwaysCovers, realPath } = permissionSchema.properties;
const { incomplete } = messageSchema.properties;
const { choices, allowsText } = questionSchema.properties;
const outputMessage = {
  type: 'string',
  description: 'The message with the output. Absent for a tool that a client called directly.',
} as const;

export const catalogue = {
  'session.start': {
    description: 'A session was created.',
    data: { type: 'object', properties: { title: text }, required: ['title'], additionalProperties: false },
  },
  'session.end': {
    description: 'A session was deleted.',
    data: { type: 'object', properties: { reason: text }, required: ['reason'], additionalProperties: false },
  },
  'worktree.create': {
    description: 'A session got a git worktree.',
    data: sessionWorktreeSchema,
  },
  'worktree.end': {
    description: 'A session with a worktree was deleted.',
    data: {
      type: 'object',
      properties: {
        path: text,
        branch: text,
        folder: { type: 'string', enum: ['kept', 'removed'] },
        branchKept: { type: 'boolean' },
        commit: { ...text, description: 'The commit with the changes that were not committed before.' },
        reason: { ...text, description: 'Why the folder was kept.' },
      },
      required: ['path', 'branch', 'folder', 'branchKept'],
      additionalProperties: false,
    },
  },
  'mcp.connect': {
    description: 'An MCP server is running. `sessionId`: it is one of this session.',
    data: {
      type: 'object',
      properties: { name: text, tools: { ...count, description: 'Number of its tools.' } },
      required: ['name', 'tools'],
      additionalProperties: false,
    },
  },
  'mcp.fail': {
    description: 'An MCP server could not be started, ended, or could not list its tools.',
    data: {
      type: 'object',
      properties: { name: text, error: text },
      required: ['name', 'error'],
      additionalProperties: false,
    },
  },
  'session.undo': {
    description:
      'A session went back to before a prompt: the messages since then are hidden, and files have their earlier content.',
    data: undoData,
  },
  'session.redo': {
    description: 'An undo was taken back: the messages are back, and files have the content that was undone.',
    data: undoData,
  },
  'session.compacted': {
    description: 'The older part of a session was replaced by a summary for the model, on request.',
    data: {
      type: 'object',
      properties: compactionFigures,
      required: ['summarized', 'kept', 'tokensBefore', 'tokensAfter', 'model', 'usage', 'cost'],
      additionalProperties: false,
    },
  },
  'session.archive': {
    description: 'A session was archived: lists leave it out.',
    data: { type: 'object', properties: { title: text }, required: ['title'], additionalProperties: false },
  },
  'session.unarchive': {
    description: 'An archived session came back to the lists: on request, or because of a prompt.',
    data: {
      type: 'object',
      properties: { title: text, reason: { type: 'string', enum: ['request', 'prompt'] } },
      required: ['title', 'reason'],
      additionalProperties: false,
    },
  },
  'message.user': {
    description:
      'A prompt was accepted, or, with `via`, a message to a working run or to the session of the next one.',
    data: {
      type: 'object',
      properties: { messageId: text, text, parts: partsSchema, via: messageOriginSchema },
      required: ['messageId', 'text'],
      additionalProperties: false,
    },
  },
  'message.assistant': {
    description:
      'The agent answered. With `incomplete`, the answer was cut off by a failure or a cancellation.',
    data: {
      type: 'object',
      properties: {
        messageId: text,
        text,
        model,
        incomplete,
      },
      required: ['messageId', 'text', 'model'],
      additionalProperties: false,
    },
  },
  'tool.start': {
    description: 'A tool started.',
    data: {
      type: 'object',
      properties: { callId: text, tool: text, params },
      required: ['callId', 'tool', 'params'],
      additionalProperties: false,
    },
  },
  'tool.complete': {
    description: 'A tool completed.',
    data: {
      type: 'object',
      properties: { callId: text, tool: text, result: {}, durationMs: duration, messageId: outputMessage },
      required: ['callId', 'tool', 'result', 'durationMs'],
      additionalProperties: false,
    },
  },
  'tool.error': {
    description: 'A tool failed.',
    data: {
      type: 'object',
      properties: {
        callId: text,
        tool: text,
        code: text,
        message: text,
        durationMs: duration,
        messageId: outputMessage,
      },
      required: ['callId', 'tool', 'code', 'message', 'durationMs'],
      additionalProperties: false,
    },
  },
  'plan.update': {
    description: 'The agent has changed its plan. The entries are the whole plan.',
    data: {
      type: 'object',
      properties: { entries: { type: 'array', items: planEntrySchema } },
      required: ['entries'],
      additionalProperties: false,
    },
  },
  'agent.session': {
    description:
      "The agent opened a session of its own for this one. With `replaced`, its earlier one was lost, and the new one got the conversation's text.",
    data: {
      type: 'object',
      properties: {
        agent: text,
        agentSessionId: text,
        replaced: { type: 'boolean' },
        reason: { type: 'string', description: 'Why the earlier session could not continue.' },
      },
      required: ['agent', 'agentSessionId', 'replaced'],
      additionalProperties: false,
    },
  },
  'file.create': { description: 'A file of the workspace was created.', data: fileChange },
  'file.modify': { description: 'A file of the workspace was changed.', data: fileChange },
  'file.delete': { description: 'A file of the workspace was deleted.', data: fileChange },
  'run.queued': {
    description: 'A run was accepted.',
    data: {
      type: 'object',
      properties: { position: count },
      required: ['position'],
      additionalProperties: false,
    },
  },
  'run.steered': {
    description: 'The run has taken up a message that was sent to it. It sees it in this step.',
    data: {
      type: 'object',
      properties: { messageId: text, step: count },
      required: ['messageId', 'step'],
      additionalProperties: false,
    },
  },
  'output.rejected': {
    description: 'An answer did not match `options.format`. The agent was told why, and answers again.',
    data: {
      type: 'object',
      properties: { retry: { ...count, description: 'The number of the next try, from 1.' }, reason: text },
      required: ['retry', 'reason'],
      additionalProperties: false,
    },
  },
  'run.complete': {
    description: 'A run completed with an answer.',
    data: {
      type: 'object',
      properties: {
        response,
        data,
        model,
        usage,
        cost,
        finishReason,
        durationMs: duration,
      },
      required: ['response', 'model', 'usage', 'cost', 'finishReason', 'durationMs'],
      additionalProperties: false,
    },
  },
  'run.failed': {
    description: 'A run failed, or was interrupted because the server stopped.',
    data: {
      type: 'object',
      properties: {
        code: text,
        message: text,
        interrupted: { type: 'boolean' },
        response: { type: 'string', description: 'Only with `output_invalid`: the last answer.' },
      },
      required: ['code', 'message'],
      additionalProperties: false,
    },
  },
  'run.cancelled': {
    description: 'A run was cancelled.',
    data: { type: 'object', properties: { reason: text }, required: ['reason'], additionalProperties: false },
  },
  error: {
    description: 'An error that needs attention.',
    data: {
      type: 'object',
      properties: { code: text, message: text },
      required: ['code', 'message'],
      additionalProperties: false,
    },
  },
  'cost.threshold': {
    description: 'The cost of a session or a day passed a configured threshold.',
    data: {
      type: 'object',
      properties: {
        scope: { type: 'string', description: '`session` or `day`.' },
        threshold: { type: 'number', minimum: 0, description: 'US dollars.' },
        cost: { type: 'number', minimum: 0, description: 'US dollars.' },
      },
      required: ['threshold', 'cost'],
      additionalProperties: false,
    },
  },
  'permission.request': {
    description: 'A tool call waits for a permission.',
    data: {
      type: 'object',
      properties: {
        permissionId: text,
        callId,
        tool: text,
        params,
        rule,
        reason: text,
        alwaysCovers,
        realPath,
        expiresAt: {
          type: 'string',
          description:
            'Without a decision, the call is denied at this time, or the run fails. RFC 3339 UTC. Absent: it waits for ever.',
        },
        sandbox: {
          enum: isolations,
          description: 'How the command runs if it is allowed. Absent for tools that run no command.',
        },
      },
      required: ['permissionId', 'tool', 'params'],
      additionalProperties: false,
    },
  },
  'permission.resolved': {
    description: 'A permission was granted or denied.',
    data: {
      type: 'object',
      properties: {
        permissionId: text,
        tool: text,
        decision: { enum: decisions },
        reason: text,
      },
      required: ['permissionId', 'decision'],
      additionalProperties: false,
    },
  },
  'question.asked': {
    description: 'The agent asks a question, and the run waits for the answer.',
    data: {
      type: 'object',
      properties: {
        questionId: text,
        callId,
        question: text,
        choices,
        allowsText,
        expiresAt: { type: 'string', description: 'RFC 3339 UTC. Absent: it waits for ever.' },
      },
      required: ['questionId', 'callId', 'question', 'choices', 'allowsText'],
      additionalProperties: false,
    },
  },
  'question.answered': {
    description: 'A question was answered.',
    data: {
      type: 'object',
      properties: { questionId: text, answer: text },
      required: ['questionId', 'answer'],
      additionalProperties: false,
    },
  },
  'question.expired': {
    description: 'A question will not be answered: nobody did in time, or its run has ended.',
    data: {
      type: 'object',
      properties: { questionId: text, reason: text },
      required: ['questionId', 'reason'],
      additionalProperties: false,
    },
  },
  'tool.request': {
    description:
      'The agent calls a tool of the caller, and the run waits for the result: `POST /api/tool-calls/{toolCallId}`. `tool.complete` or `tool.error` with the same `callId` follows.',
    data: {
      type: 'object',
      properties: {
        toolCallId: text,
        callId: toolCallSchema.properties.callId,
        tool: text,
        params,
        expiresAt: { type: 'string', description: 'RFC 3339 UTC. Absent: it waits for ever.' },
      },
      required: ['toolCallId', 'callId', 'tool', 'params'],
      additionalProperties: false,
    },
  },
  'trigger.accepted': {
    description: 'A call of a trigger, or a schedule, started a run.',
    data: {
      type: 'object',
      properties: triggerCall,
      required: ['triggerId', 'callId', 'source', 'event'],
      additionalProperties: false,
    },
  },
  'trigger.ignored': {
    description: 'A call of a trigger did not match its filter, or a schedule skipped missed times.',
    data: {
      type: 'object',
      properties: { ...triggerCall, reason: text },
      required: ['triggerId', 'callId', 'source', 'event', 'reason'],
      additionalProperties: false,
    },
  },
  'trigger.refused': {
    description:
      'A call of a trigger was refused: its signature or a field is wrong, or a limit is reached. Calls that end a loop of webhooks are in the list of calls only.',
    data: {
      type: 'object',
      properties: { ...triggerCall, code: text, reason: text },
      required: ['triggerId', 'callId', 'source', 'event', 'code', 'reason'],
      additionalProperties: false,
    },
  },
  'webhook.test': {
    description: 'A test of a webhook, sent to that webhook only.',
    data: {
      type: 'object',
      properties: { ...webhook, message: text },
      required: ['webhookId', 'name', 'message'],
      additionalProperties: false,
    },
  },
  'webhook.failing': {
    description: 'All attempts of a webhook have failed for an hour.',
    data: {
      type: 'object',
      properties: { ...webhook, since: text, failures: count, reason: text },
      required: ['webhookId', 'name', 'since', 'failures', 'reason'],
      additionalProperties: false,
    },
  },
  'webhook.recovered': {
    description: 'A failing webhook accepts deliveries again.',
    data: {
      type: 'object',
      properties: { ...webhook, since: text, failures: count },
      required: ['webhookId', 'name', 'since', 'failures'],
      additionalProperties: false,
    },
  },
  'webhook.disabled': {
    description: 'A webhook was disabled: by a person, by its receiver, or after failing for five days.',
    data: {
      type: 'object',
      properties: { ...webhook, reason: text, message: text },
      required: ['webhookId', 'name', 'reason', 'message'],
      additionalProperties: false,
    },
  },
} as const satisfies Record<EventType, CatalogueEntry>;

/** Sent to live readers, never logged. */
export const deltas = {
  'message.delta': {
    description: 'A piece of the answer, as it is generated.',
    data: { type: 'object', properties: { text }, required: ['text'], additionalProperties: false },
  },
  'agent.status': {
    description: 'The program of the agent starts, or opens the session. That can take seconds.',
    data: {
      type: 'object',
      properties: { agent: text, status: { enum: ['starting', 'opening_session', 'ready'] }, text },
      required: ['agent', 'status', 'text'],
      additionalProperties: false,
    },
  },
  'reasoning.delta': {
    description: "A piece of the model's reasoning, as it is generated. The message has the whole.",
    data: { type: 'object', properties: { text }, required: ['text'], additionalProperties: false },
  },
  'tool.output': {
    description: 'A piece of the output of a tool, as it is written.',
    data: {
      type: 'object',
      properties: { callId: text, tool: text, stream: { enum: ['stdout', 'stderr'] }, text },
      required: ['callId', 'tool', 'stream', 'text'],
      additionalProperties: false,
    },
  },
} as const satisfies Record<string, CatalogueEntry>;

/** Notices of a stream about itself: they are not logged and have no sequence number. */
export const notices = {
  gap: {
    description: 'Older events are no longer kept; the stream continues at `firstSequence`.',
    data: {
      type: 'object',
      properties: { firstSequence: { type: 'integer' } },
      required: ['firstSequence'],
    },
  },
  overflow: {
    description: 'The reader was too slow and is disconnected; it can resume.',
    data: { type: 'object', properties: { message: text }, required: ['message'] },
  },
} as const satisfies Record<string, CatalogueEntry>;

export type EventData<T extends EventType> = { [K in T]: SchemaType<(typeof catalogue)[K]['data']> }[T];
/** All types in one map: cheaper for the compiler than `EventData` where the type is a parameter. */
export type EventDataByType = { [T in EventType]: SchemaType<(typeof catalogue)[T]['data']> };
export type DeltaType = keyof typeof deltas;
export type NoticeType = keyof typeof notices;
export type NoticeData<T extends NoticeType> = SchemaType<(typeof notices)[T]['data']>;
export type DeltaData<T extends DeltaType> = { [K in T]: SchemaType<(typeof deltas)[K]['data']> }[T];

/** A run ends with one of these events. An interrupted run ends with `run.failed`. */
export const runEndEvents = [
  'run.complete',
  'run.failed',
  'run.cancelled',
] as const satisfies readonly EventType[];

export function isEventType(value: string): value is EventType {
  return Object.hasOwn(catalogue, value);
}
