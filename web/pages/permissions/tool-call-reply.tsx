// Answers a call of a tool of the caller in place of the program that sent the prompt: with JSON, a text or an error.

import { useId, useState } from 'preact/hooks';
import type { ToolCall } from '../../../src/client/web.ts';
import type { ToolCallResult } from '../../../src/contract/tool-call.ts';
import { may } from '../../app/scope.ts';
import { client, messageOf } from '../../app/sign-in.ts';
import { CodeArea } from '../../parts/code-area.tsx';
import { useAnswer } from './use-answer.ts';
import { visible } from './visible.tsx';

export function ToolCallReply({ id, params }: ToolCall) {
  const [text, setText] = useState('');
  const [fault, setFault] = useState<string>();
  const { isSent, send } = useAnswer();
  const faultId = useId();
  const right = may('prompt');
  const button = {
    ...right,
    type: 'button',
    disabled: right.disabled || isSent || text.trim() === '',
  } as const;
  const give = (result: ToolCallResult): void => void send(() => client.inbox.giveResult(id, result));
  const giveJson = (): void => {
    try {
      give({ result: JSON.parse(text) });
    } catch (error) {
      setFault(messageOf(error));
    }
  };
  return (
    <>
      <CodeArea label="The parameters" isExact>
        {visible(JSON.stringify(params, null, 2))}
      </CodeArea>
      <p class="quiet">
        The program that sent the prompt usually answers this call. An answer that you give here takes its
        place.
      </p>
      <textarea
        class="mono"
        aria-label="Result or error"
        placeholder={'The result, such as {"celsius": 21}, or why the call failed'}
        rows={3}
        spellcheck={false}
        value={text}
        disabled={right.disabled || isSent}
        aria-invalid={fault !== undefined}
        aria-describedby={fault === undefined ? undefined : faultId}
        onInput={({ currentTarget }) => {
          setText(currentTarget.value);
          setFault(undefined);
        }}
      />
      {fault !== undefined && (
        <p class="fault" id={faultId} role="alert">
          This is not valid JSON: {fault}
        </p>
      )}
      <div class="row wrap">
        <button {...button} class="main" onClick={giveJson}>
          Give as JSON
        </button>
        <button {...button} onClick={() => give({ result: text })}>
          Give as text
        </button>
        <button {...button} class="danger" onClick={() => give({ error: text })}>
          Fail with this error
        </button>
      </div>
    </>
  );
}
