// The same calls in every runtime: Node.js, Chromium, Deno and Bun. Imports only the client, and reports the failures.

import type * as Client from '../../src/client/web.ts';

export interface SuiteInput {
  /** Of the faulty proxy. */
  readonly proxy: string;
  readonly apiKey: string;
  /** An address where nothing listens. */
  readonly nothing: string;
  /** Distinguishes the runs against one server. */
  readonly runtime: string;
}

export type ClientModule = Pick<
  typeof Client,
  'CodeBuddyApiError' | 'CodeBuddyClient' | 'CodeBuddyConnectionError' | 'CodeBuddyRunError'
>;

/** The tests by name: `ok`, or the error. */
export type SuiteReport = Readonly<Record<string, string>>;

export async function runSuite(module: ClientModule, input: SuiteInput): Promise<SuiteReport> {
  const { CodeBuddyApiError, CodeBuddyClient, CodeBuddyConnectionError, CodeBuddyRunError } = module;
  const { proxy, apiKey, nothing, runtime } = input;
  /** A client behind a fault, which is injected once for each name. */
  const behind = (
    fault: string,
    name = runtime,
    options: Client.CodeBuddyClientOptions = {},
  ): Client.CodeBuddyClient => new CodeBuddyClient({ url: `${proxy}/${fault}/${name}`, apiKey, ...options });
  const client = behind('pass');
  /** The client waits two seconds for a cancellation. A busy server may take longer. */
  const endOf = async (runId: string) => (await collect(client.runs.events(runId))).types.at(-1);

  const tests: Readonly<Record<string, () => Promise<void>>> = {
    'a prompt is answered': async () => {
      const { response, status, runId } = await client.prompt('read a.txt');
      equal([response, status], ['alpha', 'completed']);
      equal((await client.runs.get(runId)).status, 'completed');
    },
    'a stream has typed events, and its deltas add up to the answer': async () => {
      const { types, text, whole } = await collect(client.stream('help'));
      equal([types[0], types.at(-1)], ['session.start', 'run.complete']);
      equal(text, whole);
    },
    'a stream that breaks in its middle resumes without gaps and repetitions': async () => {
      const states: string[] = [];
      const events = behind('cut').stream('help', { onState: ({ status }) => states.push(status) });
      const { sequences, types, text, whole } = await collect(events);
      equal(states, ['live', 'reconnecting', 'live', 'stopped']);
      equal(
        sequences,
        [...new Set(sequences)].sort((a, b) => a - b),
      );
      equal(types.filter((type) => type !== 'message.delta').slice(-2), [
        'message.assistant',
        'run.complete',
      ]);
      equal(types.filter((type) => type === 'run.complete').length, 1);
      equal(text, whole);
    },
    'a prompt whose answer is lost is sent again, and runs once': async () => {
      const lossy = behind('lose');
      const title = `lost ${runtime}`;
      const session = await client.sessions.create({ title });
      const { runId } = await lossy.prompt({ prompt: 'help', sessionId: session.id });
      const { runs } = await client.runs.list({ sessionId: session.id });
      equal(
        runs.map(({ id, status }) => [id, status]),
        [[runId, 'completed']],
      );
    },
    'a session whose answer is lost is created once': async () => {
      const title = `once ${runtime}`;
      await behind('lose', `create-${runtime}`).sessions.create({ title });
      let found = 0;
      for await (const session of client.sessions.list({ limit: 2 })) if (session.title === title) found++;
      equal(found, 1);
    },
    'a deletion whose answer is lost succeeds': async () => {
      const { id } = await client.sessions.create({ title: 'short' });
      await behind('lose', `delete-${runtime}`).sessions.delete(id);
      equal((await failure(client.sessions.get(id))).code, 'session_not_found');
    },
    'a tool whose answer is lost is not run again': async () => {
      const lossy = behind('lose', `tool-${runtime}`);
      const path = `count-${runtime}.txt`;
      const error = await failure(lossy.tools.run('write_file', { path, content: 'x' }));
      equal([error instanceof CodeBuddyConnectionError, error.name], [true, 'CodeBuddyConnectionError']);
    },
    'Retry-After is honoured for 429 and for the 503 of a proxy': async () => {
      for (const fault of ['busy', 'restarting']) {
        const startedAt = performance.now();
        equal((await behind(fault).status()).running, true);
        equal(performance.now() - startedAt >= 1000, true);
      }
      // The call fails if the server asks for an hour.
      const error = await failure(behind('patient').status());
      equal([error.status, error.code, error.retryAfterSeconds], [429, 'too_many_runs', 3600]);
      // A tool was not started, so it can be started again.
      const busy = behind('busy', `tool-${runtime}`);
      equal((await busy.tools.run('read_file', { path: 'a.txt' })).result !== undefined, true);
      const once = behind('busy', `once-${runtime}`, { maxRetries: 0 });
      equal((await failure(once.status())).code, 'too_many_runs');
    },
    'errors have their code, status, fields and request id': async () => {
      const error = await failure(client.prompt({ prompt: 1 as never }));
      equal(error instanceof CodeBuddyApiError, true);
      equal([error.name, error.status, error.code], ['CodeBuddyApiError', 422, 'validation_failed']);
      equal([error.errors?.[0]?.in, error.errors?.[0]?.pointer], ['body', '/prompt']);
      equal(typeof error.requestId, 'string');
      equal((await failure(behind('broken').status())).code, 'internal_error');
      const refused = await failure(behind('pass', 'x', { apiKey: 'wrong' }).status());
      equal([refused.status, refused.code], [401, 'unauthorized']);
      const gone = await failure(client.runs.cancel((await client.prompt('help')).runId));
      equal(gone.code, 'run_ended');
      equal(gone instanceof CodeBuddyRunError, false);
    },
    'an unreachable server is a connection error': async () => {
      const away = new CodeBuddyClient({ url: nothing, apiKey, maxRetries: 0 });
      const error = await failure(away.status());
      equal(error instanceof CodeBuddyConnectionError, true);
      // Browsers give no reason.
      equal(error.reason, 'document' in globalThis ? 'unreachable' : 'refused');
      const silent = behind('silent', '1', { maxRetries: 0, timeoutMs: 200 });
      equal((await failure(silent.status())).reason, 'timeout');
    },
    'a signal aborts in every phase': async () => {
      equal((await failure(client.status({ signal: AbortSignal.abort() }))).name, 'AbortError');
      equal((await failure(client.prompt('help', { signal: AbortSignal.abort() }))).name, 'AbortError');
      // While it waits for an answer.
      const silent = behind('silent');
      equal((await failure(aborted((signal) => silent.status({ signal })))).name, 'AbortError');
      equal((await failure(aborted((signal) => silent.prompt('help', { signal })))).name, 'AbortError');
      // While it waits for the next attempt.
      const away = new CodeBuddyClient({ url: nothing, apiKey, maxRetries: 100 });
      equal((await failure(aborted((signal) => away.status({ signal })))).name, 'AbortError');
      // While it reads a stream: the run is cancelled.
      const controller = new AbortController();
      let runId = '';
      const reading = (async () => {
        for await (const event of client.stream('run sleep 300', { signal: controller.signal })) {
          runId = event.runId ?? runId;
          if (event.type === 'tool.start') controller.abort();
        }
      })();
      equal((await failure(reading)).name, 'AbortError');
      equal(await endOf(runId), 'run.cancelled');
    },
    'leaving the loop cancels the run': async () => {
      let runId = '';
      for await (const event of client.stream('run sleep 300')) {
        runId = event.runId ?? runId;
        if (event.type === 'tool.start') break;
      }
      equal(await endOf(runId), 'run.cancelled');
    },
    'lists page by themselves': async () => {
      for (let count = 0; count < 5; count++) await client.sessions.create({ title: `page ${runtime}` });
      const page = await client.sessions.list({ limit: 2 });
      equal([page.sessions.length, typeof page.nextCursor], [2, 'string']);
      const ids: string[] = [];
      for await (const { id } of client.sessions.list({ limit: 2 })) ids.push(id);
      equal(ids.length >= 5, true);
      equal(new Set(ids).size, ids.length);
      const pages: number[] = [];
      for await (const { events } of client.events.list({ limit: 3 }).pages()) {
        pages.push(events.length);
        if (pages.length === 2) break;
      }
      equal(pages, [3, 3]);
    },
    'the log is followed from its end, with filters': async () => {
      const controller = new AbortController();
      const { signal } = controller;
      const seen: string[] = [];
      const states: string[] = [];
      const following = (async () => {
        const onState = ({ status }: Client.StreamState): void => {
          states.push(status);
        };
        for await (const event of client.events.stream({ types: ['session.*'], signal, onState }))
          if (event.type === 'session.start') seen.push(event.data.title);
      })();
      const mine = `follow ${runtime}`;
      // The stream begins some time after the call.
      for (let tries = 0; !seen.includes(mine) && tries < 1000; tries++) {
        await client.sessions.create({ title: mine });
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      controller.abort();
      equal((await failure(following)).name, 'AbortError');
      equal(
        seen.every((title) => title === mine),
        true,
      );
      equal([states[0], states.at(-1)], ['live', 'stopped']);
    },
  };

  const report: Record<string, string> = {};
  for (const [name, test] of Object.entries(tests)) {
    try {
      await test();
      report[name] = 'ok';
    } catch (error) {
      report[name] = error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
    }
  }
  client.close();
  return report;
}

async function collect(events: AsyncIterable<Client.StreamEvent>) {
  const types: string[] = [];
  const sequences: number[] = [];
  let text = '';
  let whole = '';
  for await (const event of events) {
    types.push(event.type);
    if (event.sequence !== undefined) sequences.push(event.sequence);
    if (event.type === 'message.delta') text += event.data.text;
    if (event.type === 'message.assistant') whole += event.data.text;
  }
  return { types, sequences, text, whole };
}

/** One of the client's errors. */
type Failure = Error & Partial<Client.CodeBuddyApiError> & { readonly reason?: string };

async function failure(promise: Promise<unknown>): Promise<Failure> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error as Failure;
    throw error;
  }
  throw new Error('It did not fail.');
}

function aborted<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 100);
  return call(controller.signal);
}

function equal(actual: unknown, expected: unknown): void {
  const [seen, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (seen !== wanted) throw new Error(`expected ${wanted}, got ${seen}`);
}
