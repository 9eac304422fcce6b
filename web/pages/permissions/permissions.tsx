// The inbox: what the runs of all sessions wait for, oldest first.

import { inbox } from '../../app/inbox.ts';
import { plural } from '../../parts/format.ts';
import { Empty } from '../../parts/state.tsx';
import { InboxList } from './inbox-list.tsx';

export default function PermissionsView() {
  const items = inbox.value;
  return (
    <div class="reading">
      <header class="row">
        <h1>Permissions</h1>
        <span class="quiet" role="status">
          {items.length === 0 ? 'none' : `${plural(items.length, 'question')}, oldest first`}
        </span>
      </header>
      {items.length === 0 && (
        <Empty command="codebuddy prompt --permission-mode ask 'run the tests'">
          No pending permissions. When a tool needs one, the question shows here:
        </Empty>
      )}
      <InboxList items={items} />
    </div>
  );
}
