// A question of the agent: what exactly will run or change, why it asks, and the buttons that answer it. The card goes
// away when the question is answered elsewhere or expires.

import { useState } from 'preact/hooks';
import type { Permission, PermissionDecision } from '../../../src/client/web.ts';
import { hrefOf } from '../../app/router.ts';
import { client, signIn } from '../../app/sign-in.ts';
import { formatDuration } from '../../parts/format.ts';
import { LongText } from '../../parts/json.tsx';
import { now } from '../../parts/time.tsx';
import { attempt } from '../../parts/toast.tsx';
import { EditDiff } from '../sessions/edit-diff.tsx';
import { visible } from './visible.ts';

export function PermissionCard({ permission }: { readonly permission: Permission }) {
  const { id, tool, params, reason, rule, alwaysCovers, realPath, sandbox, expiresAt, sessionId } =
    permission;
  const [why, setWhy] = useState('');
  const [isSent, setSent] = useState(false);
  const { status } = signIn.value;
  const mayDecide = status === 'in' && signIn.value.caller.scopes.includes('tools');
  const left = Date.parse(expiresAt) - now.value;

  async function decide(decision: PermissionDecision['decision']): Promise<void> {
    setSent(true);
    const isDone = await attempt(() =>
      client.permissions.decide(id, { decision, ...(why.trim() === '' ? {} : { reason: why.trim() }) }),
    );
    if (!isDone) setSent(false);
  }

  const disabled = !mayDecide || isSent;
  const title = mayDecide ? undefined : 'Your key lacks the scope "tools".';
  return (
    <section class="panel permission" data-permission={id} aria-label={`Permission for ${tool}`}>
      <header>
        <h2 class="grow">
          Allow <code>{tool}</code>?
        </h2>
        <a class="quiet" href={hrefOf(['sessions', sessionId])}>
          session
        </a>
        <span class={left < 60_000 ? 'bad' : 'quiet'}>
          {left > 0 ? `denied in ${formatDuration(left)}` : 'expired'}
        </span>
      </header>
      <div class="body stack">
        <What tool={tool} params={params} />
        {realPath !== undefined && realPath !== params.path && (
          <p>
            The file behind all links: <code>{visible(realPath)}</code>
          </p>
        )}
        {sandbox === 'none' && <p class="warn">It runs outside of the sandbox.</p>}
        <p class="quiet">{reason}</p>
        <p class="quiet">Always allows: {alwaysCovers ?? <code>{rule}</code>}</p>
        <div class="row wrap">
          <button
            type="button"
            class="main"
            data-key="a"
            disabled={disabled}
            title={title}
            onClick={() => decide('allow')}
          >
            Allow once
          </button>
          <button type="button" disabled={disabled} title={title} onClick={() => decide('allow_always')}>
            Always in this session
          </button>
          <button
            type="button"
            class="danger"
            data-key="d"
            disabled={disabled}
            title={title}
            onClick={() => decide('deny')}
          >
            Deny
          </button>
          <input
            class="grow"
            aria-label="Reason, which the agent reads"
            placeholder="Reason, which the agent reads"
            maxLength={1000}
            value={why}
            onInput={({ currentTarget }) => setWhy(currentTarget.value)}
          />
        </div>
      </div>
    </section>
  );
}

function What({ tool, params }: Pick<Permission, 'tool' | 'params'>) {
  if (typeof params.command === 'string')
    return <LongText text={visible(params.command)} label="The command" />;
  if (['edit_file', 'write_file'].includes(tool)) return <EditDiff tool={{ params }} />;
  return <LongText text={visible(JSON.stringify(params, null, 2))} label="The parameters" />;
}
