// The tasks extension of the protocol (SEP-2663): a run is a task for clients that declare it, so nothing but the run
// has to be kept. A permission is decided with the tool permission_decide: many clients cannot answer an elicitation.

import {
  type CallToolResult,
  ProtocolError,
  ProtocolErrorCode,
  type Result,
  type Server,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { CodeBuddyError } from '../base/errors.ts';
import type { Run } from '../contract/run.ts';
import type { McpServices } from './services.ts';
import { runResult } from './wait-for-run.ts';

export const tasksExtension = 'io.modelcontextprotocol/tasks';

const pollIntervalMs = 2000;
const taskParams = z.looseObject({ taskId: z.string() });

/** The result of a call that continues as a task. */
export function runTask(run: Run): CallToolResult {
  return { content: [], resultType: 'task', ...taskOf(run) };
}

/** Adds the methods of tasks. */
export function addTasks(server: Server, services: McpServices): void {
  const { runs } = services;

  async function find(taskId: string): Promise<Run> {
    const run = await runs.get(taskId);
    if (run === undefined)
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown task: ${taskId}`);
    return run;
  }

  server.setRequestHandler('tasks/get', { params: taskParams }, async ({ taskId }): Promise<Result> => {
    const run = await find(taskId);
    const task = taskOf(run);
    return task.status === 'completed' ? { ...task, result: await runResult(run, services) } : task;
  });
  server.setRequestHandler('tasks/cancel', { params: taskParams }, async ({ taskId }): Promise<Result> => {
    await find(taskId);
    try {
      await runs.cancel(taskId);
    } catch (error) {
      // This method succeeds for a task that has ended, too.
      if (!(error instanceof CodeBuddyError && error.code === 'run_ended')) throw error;
    }
    return {};
  });
  // No task asks for input, so there is nothing to accept.
  server.setRequestHandler('tasks/update', { params: taskParams }, async ({ taskId }): Promise<Result> => {
    await find(taskId);
    return {};
  });
}

function taskOf(run: Run): Record<string, unknown> {
  const { id, status, createdAt, startedAt, endedAt } = run;
  return {
    taskId: id,
    status: taskStatusOf(status),
    statusMessage: messageOf(run),
    createdAt,
    lastUpdatedAt: endedAt ?? startedAt ?? createdAt,
    ttlMs: null,
    pollIntervalMs,
  };
}

/** `failed` is for errors of the protocol: a failed run is a completed task whose result is an error. */
function taskStatusOf(status: Run['status']): 'working' | 'completed' | 'cancelled' {
  if (status === 'cancelled') return 'cancelled';
  return status === 'completed' || status === 'failed' || status === 'interrupted' ? 'completed' : 'working';
}

function messageOf({ id, status }: Run): string {
  return status === 'waiting'
    ? `The run waits for a permission or an answer: see run_result of ${id}, and answer with permission_decide or question_answer.`
    : `The run is ${status}.`;
}
