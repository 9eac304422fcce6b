// A tool: its parameters as a form or as JSON, a button that runs it, and its result.

import { useRef, useState } from 'preact/hooks';
import type { ToolDescription } from '../../../src/client/web.ts';
import { hrefOf } from '../../app/router.ts';
import { lackOf } from '../../app/scope.ts';
import { client } from '../../app/sign-in.ts';
import { type FormSchema, fieldErrorsOf } from '../../parts/form-schema.ts';
import { formatDuration } from '../../parts/format.ts';
import { Hint } from '../../parts/hint.tsx';
import { Json, LongText } from '../../parts/json.tsx';
import { type FormValue, SchemaForm } from '../../parts/schema-form.tsx';
import { ErrorNotice } from '../../parts/state.tsx';
import { JsonInput } from './json-input.tsx';
import { keepDraft, readDraft } from './tool-drafts.ts';

type Outcome =
  | { readonly status: 'idle' }
  | { readonly status: 'running' }
  | { readonly status: 'done'; readonly result: unknown; readonly ms: number }
  | { readonly status: 'failed'; readonly error: unknown };

export function ToolForm({ tool }: { readonly tool: ToolDescription }) {
  const { name, description, inputSchema, readOnly } = tool;
  const schema = inputSchema as FormSchema;
  const hasFields = Object.keys(schema.properties ?? {}).length > 0;
  const [value, setValue] = useState<FormValue>(() => readDraft(name));
  const [isJson, setJson] = useState(false);
  const [isInvalid, setInvalid] = useState(false);
  const [outcome, setOutcome] = useState<Outcome>({ status: 'idle' });
  const running = useRef<AbortController>(undefined);
  const lack = lackOf('tools');
  const change = (next: FormValue): void => {
    setValue(next);
    keepDraft(name, next);
  };

  async function run(): Promise<void> {
    const mine = new AbortController();
    running.current = mine;
    setOutcome({ status: 'running' });
    const start = performance.now();
    try {
      const { result } = await client.tools.run(name, value, { signal: mine.signal });
      setOutcome({ status: 'done', result, ms: performance.now() - start });
    } catch (error) {
      setOutcome(mine.signal.aborted ? { status: 'idle' } : { status: 'failed', error });
    }
  }

  const { status } = outcome;
  const errors = status === 'failed' ? fieldErrorsOf(outcome.error) : [];
  return (
    <div class="stack">
      <form
        class="panel"
        noValidate
        aria-label={`Run ${name}`}
        onSubmit={(event) => {
          event.preventDefault();
          if (status !== 'running' && !isInvalid) void run();
        }}
      >
        <header>
          <h2 class="grow">
            <code>{name}</code>
          </h2>
          <span class="quiet">{readOnly ? 'changes nothing' : 'may change something'}</span>
          <a class="narrow-only" href={hrefOf(['tools'])}>
            All tools
          </a>
        </header>
        <div class="body stack">
          <Hint id="about-tool" text={description} />
          {!hasFields && !isJson && <p class="quiet">It has no parameters.</p>}
          {isJson ? (
            <JsonInput value={value} onChange={change} onInvalid={setInvalid} />
          ) : (
            <SchemaForm schema={schema} value={value} onChange={change} errors={errors} />
          )}
          <div class="row wrap">
            {status === 'running' ? (
              <button type="button" onClick={() => running.current?.abort()}>
                Stop
              </button>
            ) : (
              <button type="submit" class="main" disabled={lack !== undefined || isInvalid} title={lack}>
                Run
              </button>
            )}
            <label class="check quiet">
              <input
                type="checkbox"
                checked={isJson}
                onChange={({ currentTarget }) => {
                  setJson(currentTarget.checked);
                  setInvalid(false);
                }}
              />
              as JSON
            </label>
            <span class="quiet">It runs at once, without asking for permission.</span>
          </div>
        </div>
      </form>
      <section aria-label="Result" aria-live="polite">
        {outcome.status === 'running' && <p class="quiet">Running…</p>}
        {outcome.status === 'failed' && <ErrorNotice error={outcome.error} />}
        {outcome.status === 'done' && (
          <div class="panel">
            <header>
              <h2 class="grow">Result</h2>
              <span class="quiet">{formatDuration(outcome.ms)}</span>
            </header>
            <div class="body">
              {typeof outcome.result === 'string' ? (
                <LongText text={outcome.result} label="Result" />
              ) : (
                <Json value={outcome.result} label="Result" />
              )}
            </div>
          </div>
        )}
      </section>
    </div>
  );
}
