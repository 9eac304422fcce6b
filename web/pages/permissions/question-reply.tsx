// Answers a question of the agent: its choices as buttons, and a field for another answer.

import { useState } from 'preact/hooks';
import type { Question } from '../../../src/client/web.ts';
import { may } from '../../app/scope.ts';
import { client } from '../../app/sign-in.ts';
import { useAnswer } from './use-answer.ts';
import { visible } from './visible.tsx';

export function QuestionReply({ id, question, choices, allowsText }: Question) {
  const [text, setText] = useState('');
  const { isSent, send } = useAnswer();
  const right = may('prompt');
  const button = { ...right, disabled: right.disabled || isSent };
  const give = (answer: string): void => void send(() => client.inbox.answer(id, { answer }));
  return (
    <>
      <p class="exact">{visible(question)}</p>
      <div class="row wrap">
        {choices.map((choice) => (
          <button key={choice} type="button" {...button} onClick={() => give(choice)}>
            {choice}
          </button>
        ))}
      </div>
      {allowsText && (
        <form
          class="row"
          onSubmit={(event) => {
            event.preventDefault();
            if (text.trim() !== '') give(text);
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
