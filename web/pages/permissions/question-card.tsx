// A question of the agent, with its choices as buttons and a field for another answer; or a call of a tool of the caller,
// which usually answers it by itself.

import { useState } from 'preact/hooks';
import { CodeBuddyApiError, type InboxItem } from '../../../src/client/web.ts';
import { reloadPermissions } from '../../app/pending-permissions.ts';
import { hrefOf } from '../../app/router.ts';
import { may } from '../../app/scope.ts';
import { client } from '../../app/sign-in.ts';
import { CodeArea } from '../../parts/code-area.tsx';
import { shortId } from '../../parts/id.tsx';
import { notify, notifyError } from '../../parts/toast.tsx';
import { Countdown } from './countdown.tsx';
import { visible } from './visible.tsx';

export type AskedItem = Exclude<InboxItem, { readonly kind: 'permission' }>;

export function QuestionCard({ item }: { readonly item: AskedItem }) {
  const { id, sessionId, expiresAt } = item.kind === 'question' ? item.question : item.toolCall;
  return (
    <section class="panel permission" data-inbox={id} aria-label={titleOf(item)}>
      <header class="wrap">
        <h2 class="grow">{titleOf(item)}</h2>
        <a class="quiet" href={hrefOf(['sessions', sessionId])}>
          session <span class="mono">{shortId(sessionId)}</span>
        </a>
        <Countdown until={expiresAt} end="unanswered" />
      </header>
      <div class="body stack">
        {item.kind === 'question' ? (
          <Reply {...item.question} />
        ) : (
          <>
            <p class="quiet">The program that sent the prompt gives the result of this call.</p>
            <CodeArea label="The parameters" isExact>
              {visible(JSON.stringify(item.toolCall.params, null, 2))}
            </CodeArea>
          </>
        )}
      </div>
    </section>
  );
}

function titleOf(item: AskedItem): string {
  return item.kind === 'question' ? 'The agent asks' : `Waiting for ${item.toolCall.tool}`;
}

function Reply({ id, question, choices, allowsText }: Extract<AskedItem, { kind: 'question' }>['question']) {
  const [text, setText] = useState('');
  const [isSent, setSent] = useState(false);
  const right = may('prompt');
  const button = { ...right, disabled: right.disabled || isSent };

  async function send(answer: string): Promise<void> {
    setSent(true);
    try {
      await client.inbox.answer(id, { answer });
    } catch (error) {
      setSent(false);
      if (!(error instanceof CodeBuddyApiError && error.code === 'question_resolved'))
        return notifyError(error);
      notify('This question was already answered, or it has expired.');
    }
    reloadPermissions();
  }

  return (
    <>
      <p class="exact">{visible(question)}</p>
      <div class="row wrap">
        {choices.map((choice) => (
          <button key={choice} type="button" {...button} onClick={() => send(choice)}>
            {choice}
          </button>
        ))}
      </div>
      {allowsText && (
        <form
          class="row"
          onSubmit={(event) => {
            event.preventDefault();
            if (text.trim() !== '') void send(text);
          }}
        >
          <input
            class="grow"
            aria-label="Your answer"
            placeholder={choices.length === 0 ? 'Your answer' : 'Another answer'}
            maxLength={20_000}
            value={text}
            disabled={button.disabled}
            onInput={({ currentTarget }) => setText(currentTarget.value)}
          />
          <button type="submit" class="main" {...button}>
            Answer
          </button>
        </form>
      )}
    </>
  );
}
