// The inbox: the questions of all sessions, oldest first.

import { pendingPermissions } from '../../app/pending-permissions.ts';
import { useKeys } from '../../app/shortcuts.ts';
import { plural } from '../../parts/format.ts';
import { Empty } from '../../parts/state.tsx';
import { PermissionCard } from './permission-card.tsx';

export default function PermissionsView() {
  const waiting = pendingPermissions.value;
  useKeys({ a: () => press('a'), d: () => press('d') });
  return (
    <div class="reading">
      <header class="row">
        <h1>Permissions</h1>
        <span class="quiet">
          {waiting.length === 0 ? '' : `${plural(waiting.length, 'question')}, oldest first`}
        </span>
      </header>
      {waiting.length === 0 && (
        <Empty>No pending permissions. When a tool needs one, the question shows here.</Empty>
      )}
      <div class="stack">
        {waiting.map((permission) => (
          <PermissionCard key={permission.id} permission={permission} />
        ))}
      </div>
    </div>
  );
}

/** Presses the button of the first card in view: it answers the question that it shows, and no other. */
function press(key: 'a' | 'd'): void {
  const cards = [...document.querySelectorAll<HTMLElement>('[data-permission]')];
  const card = cards.find((element) => {
    const { top, bottom } = element.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  });
  card?.querySelector<HTMLButtonElement>(`[data-key="${key}"]`)?.click();
}
