// The first steps, shown until there is a session: a model or an agent, a prompt, an event.

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { builtinAgent } from '../../../src/contract/agent-names.ts';
import { statusClass, statusWords, usableOf, useAgents } from '../../app/agents.ts';
import { useResource } from '../../app/resource.ts';
import { go, hrefOf } from '../../app/router.ts';
import { may } from '../../app/scope.ts';
import { client } from '../../app/sign-in.ts';
import { CodeText } from '../../parts/code-text.tsx';
import { Command } from '../../parts/command.tsx';
import { Content } from '../../parts/state.tsx';
import { rememberAgent } from '../sessions/agent-choice.tsx';
import { PromptBox } from '../sessions/prompt-box.tsx';

export function FirstRun() {
  const [agent, setAgent] = useState<string>();
  return (
    <section aria-label="First steps" class="first-run">
      <ModelCard chosen={agent} onChoose={setAgent} />
      <section class="panel" aria-labelledby="first-prompt">
        <header>
          <h2 id="first-prompt">2. Send a first prompt</h2>
        </header>
        <div class="body stack">
          <PromptBox draft="first" agent={agent} onSent={({ sessionId }) => go(['sessions', sessionId])} />
          <p class="quiet">Or in a terminal:</p>
          <Command text="codebuddy prompt 'list the files'" />
        </div>
      </section>
      <EventCard />
    </section>
  );
}

interface ModelCardProps {
  readonly chosen: string | undefined;
  /** Called with the name of an agent. */
  readonly onChoose: (agent: string) => void;
}

function ModelCard({ chosen, onChoose }: ModelCardProps) {
  const models = useResource('models', (signal) => client.models.list({ signal }));
  return (
    <Content of={models}>
      {({ models: [first], reason, places }) => {
        const isConnected = first !== undefined && first.id !== 'offline';
        return (
          <Card title="1. Connect a model or an agent" isDone={isConnected || chosen !== undefined}>
            {isConnected ? (
              <p>
                <code>{first.id}</code> answers: {reason}.
              </p>
            ) : (
              <>
                <p>The offline agent answers. It understands a few plain commands and needs no network.</p>
                <FoundAgents chosen={chosen} onChoose={onChoose} />
                <p>To use a model, do one of these and restart the server:</p>
                <Command text="export ANTHROPIC_API_KEY=…" />
                <Command text="ollama serve" />
                <Command text="codebuddy serve --model provider/name" />
              </>
            )}
            {places.some(({ found }) => found !== null) ? (
              <ul>
                {places.map(
                  ({ where, found, detail }) =>
                    found !== null &&
                    found !== first?.id && (
                      <li key={where}>
                        Found <code>{found}</code>: {detail}. Use it with{' '}
                        <Command text={`codebuddy serve --model ${found}`} />
                      </li>
                    ),
                )}
              </ul>
            ) : (
              <p class="quiet">
                {isConnected
                  ? 'Nothing else was found.'
                  : 'No API key of a provider and no local model server was found.'}
              </p>
            )}
            {isConnected && <FoundAgents chosen={chosen} onChoose={onChoose} />}
            <p class="row wrap">
              <a href={hrefOf(['settings', 'models'])}>All models</a>
              <a href={hrefOf(['settings', 'agents'])}>All agents</a>
            </p>
          </Card>
        );
      }}
    </Content>
  );
}

/** One click selects an agent for the first prompt, and for later ones in this browser. */
function FoundAgents({ chosen, onChoose }: ModelCardProps) {
  const found = usableOf(useAgents().value).filter(({ name }) => name !== builtinAgent);
  if (found.length === 0)
    return <p class="quiet">No other agent, such as Claude Code or Codex, was found on this machine.</p>;
  return (
    <ul class="stack" aria-label="Agents on this machine">
      {found.map(({ name, title, status, detail }) => (
        <li key={name}>
          <div class="row wrap">
            <strong>{title}</strong>
            <span class={statusClass(status)}>{statusWords[status]}</span>
            <span class="grow" />
            <button
              type="button"
              aria-pressed={chosen === name}
              {...may('prompt')}
              onClick={() => {
                rememberAgent(name);
                onChoose(name);
              }}
            >
              {chosen === name ? `Using ${title}` : `Use ${title}`}
            </button>
          </div>
          {status === 'not_signed_in' && (
            <p class="quiet">
              <CodeText text={detail} />
            </p>
          )}
        </li>
      ))}
    </ul>
  );
}

function EventCard() {
  const webhooks = useResource('webhooks any', (signal) => client.webhooks.list({ limit: 1 }, { signal }), {
    changedBy: ['webhook.'],
  });
  const isDone = (webhooks.value?.webhooks.length ?? 0) > 0;
  return (
    <Card title="3. Receive an event" isDone={isDone}>
      <p>This creates a webhook that delivers to your terminal, and prints each event:</p>
      <Command text="codebuddy webhooks listen" />
      <p class="quiet">
        Or follow them on the page <a href={hrefOf(['events'])}>Events</a>.
      </p>
    </Card>
  );
}

interface CardProps {
  readonly title: string;
  readonly isDone: boolean;
  readonly children: ComponentChildren;
}

function Card({ title, isDone, children }: CardProps) {
  return (
    <section class="panel" aria-label={title}>
      <header>
        <h2 class="grow">{title}</h2>
        {isDone && <span class="chip good">done</span>}
      </header>
      <div class="body stack">{children}</div>
    </section>
  );
}
