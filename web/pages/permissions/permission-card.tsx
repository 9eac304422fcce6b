// A permission that a tool needs: what exactly will run or change, why it asks, and the buttons that answer it. The buttons
// answer only the question that the card shows.

import { useState } from 'preact/hooks';
import type { InboxItem, Permission, PermissionDecision } from '../../../src/client/web.ts';
import { may } from '../../app/scope.ts';
import { client } from '../../app/sign-in.ts';
import { CodeArea } from '../../parts/code-area.tsx';
import { EditDiff, isEdit } from '../sessions/edit-diff.tsx';
import { InboxCard } from './inbox-card.tsx';
import { useAnswer } from './use-answer.ts';
import { visible } from './visible.tsx';

export interface PermissionCardProps {
  readonly item: Extract<InboxItem, { readonly kind: 'permission' }>;
  /** True if the keys a and d answer this card. */
  readonly hasKeys?: boolean;
}

export function PermissionCard({ item, hasKeys = false }: PermissionCardProps) {
  const { id, tool, params, reason, rule, alwaysCovers, realPath, sandbox } = item.permission;
  const [why, setWhy] = useState('');
  const { isSent, send } = useAnswer();
  const right = may('tools');
  const decide = (decision: PermissionDecision['decision']): void =>
    void send(() =>
      client.permissions.decide(id, { decision, ...(why.trim() === '' ? {} : { reason: why.trim() }) }),
    );

  const button = { ...right, disabled: right.disabled || isSent };
  const isRealPathOther = realPath !== undefined && realPath !== params.path;
  return (
    <InboxCard
      item={item}
      label={`Permission for ${tool}`}
      title={
        <>
          Allow <code>{tool}</code>?
        </>
      }
      end="denied"
      hasKeys={hasKeys}
    >
      <What tool={tool} params={params} />
      {isRealPathOther && (
        <p>
          The path with all links resolved: <code class="exact">{visible(realPath)}</code>
        </p>
      )}
      {sandbox === 'none' && <p class="warn">It runs outside the sandbox.</p>}
      <p>{reason}</p>
      <p class="quiet">
        “Always in this session” allows: {alwaysCovers ?? 'exactly this call'}{' '}
        <code class="exact">{visible(rule)}</code>
      </p>
      <div class="row wrap">
        <button type="button" class="main" data-key="a" {...button} onClick={() => decide('allow')}>
          Allow once {hasKeys && <kbd>a</kbd>}
        </button>
        <button type="button" {...button} onClick={() => decide('allow_always')}>
          Always in this session
        </button>
        <button type="button" class="danger" data-key="d" {...button} onClick={() => decide('deny')}>
          Deny {hasKeys && <kbd>d</kbd>}
        </button>
        <input
          class="grow reason"
          aria-label="Reason, shown to the agent"
          placeholder="Reason, shown to the agent"
          maxLength={1000}
          value={why}
          disabled={right.disabled}
          onInput={({ currentTarget }) => setWhy(currentTarget.value)}
        />
      </div>
    </InboxCard>
  );
}

/** All of it: nothing is cut, and every parameter is shown. */
function What({ tool, params }: Pick<Permission, 'tool' | 'params'>) {
  if (isEdit({ name: tool })) {
    const { path: _path, oldText: _oldText, newText: _newText, content: _content, ...rest } = params;
    return (
      <>
        <EditDiff tool={{ params }} />
        <Exact value={rest} label="More parameters" />
      </>
    );
  }
  const { command, ...rest } = params;
  if (typeof command !== 'string') return <Exact value={params} label="The parameters" />;
  return (
    <>
      <Text text={command} label="The command" />
      <Exact value={rest} label="More parameters" />
    </>
  );
}

function Exact({
  value,
  label,
}: {
  readonly value: Readonly<Record<string, unknown>>;
  readonly label: string;
}) {
  if (Object.keys(value).length === 0) return null;
  return <Text text={JSON.stringify(value, null, 2)} label={label} />;
}

function Text({ text, label }: { readonly text: string; readonly label: string }) {
  return (
    <CodeArea label={label} isExact>
      {visible(text)}
    </CodeArea>
  );
}
