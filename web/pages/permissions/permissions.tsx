// The inbox: the questions of all sessions, oldest first.

import { pendingPermissions } from '../../app/pending-permissions.ts';
import { plural } from '../../parts/format.ts';
import { Empty } from '../../parts/state.tsx';
import { PermissionList } from './permission-list.tsx';

export default function PermissionsView() {
  const waiting = pendingPermissions.value;
  return (
    <div class="reading">
      <header class="row">
        <h1>Permissions</h1>
        <span class="quiet" role="status">
          {waiting.length === 0 ? 'none' : `${plural(waiting.length, 'question')}, oldest first`}
        </span>
      </header>
      {waiting.length === 0 && (
        <Empty command="codebuddy prompt --permission-mode ask 'run the tests'">
          No pending permissions. When a tool needs one, the question shows here:
        </Empty>
      )}
      <PermissionList permissions={waiting} />
    </div>
  );
}
