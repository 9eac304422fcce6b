// The inbox: the questions of all sessions, oldest first.

import { askedItems, pendingPermissions } from '../../app/pending-permissions.ts';
import { plural } from '../../parts/format.ts';
import { Empty } from '../../parts/state.tsx';
import { PermissionList } from './permission-list.tsx';
import { QuestionCard } from './question-card.tsx';

export default function PermissionsView() {
  const waiting = pendingPermissions.value;
  const asked = askedItems.value;
  const count = waiting.length + asked.length;
  return (
    <div class="reading">
      <header class="row">
        <h1>Permissions</h1>
        <span class="quiet" role="status">
          {count === 0 ? 'none' : `${plural(count, 'question')}, oldest first`}
        </span>
      </header>
      {count === 0 && (
        <Empty command="codebuddy prompt --permission-mode ask 'run the tests'">
          No pending permissions. When a tool needs one, the question shows here:
        </Empty>
      )}
      <div class="stack">
        {asked.map((item) => (
          <QuestionCard key={item.kind === 'question' ? item.question.id : item.toolCall.id} item={item} />
        ))}
      </div>
      <PermissionList permissions={waiting} />
    </div>
  );
}
