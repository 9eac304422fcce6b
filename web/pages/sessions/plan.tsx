// The plan of the agent, beside the transcript: its steps, and how far it is.

import type { PlanEntry } from '../../../src/contract/plan.ts';

const marks: Readonly<Record<PlanEntry['status'], string>> = {
  pending: '○',
  in_progress: '◐',
  completed: '●',
};
const words: Readonly<Record<PlanEntry['status'], string>> = {
  pending: 'to do',
  in_progress: 'in progress',
  completed: 'done',
};

export function Plan({ entries }: { readonly entries: readonly PlanEntry[] }) {
  if (entries.length === 0) return null;
  const done = entries.filter(({ status }) => status === 'completed').length;
  return (
    <section aria-label="Plan">
      <h2>
        Plan: {done} of {entries.length} done
      </h2>
      <ol class="plan">
        {entries.map(({ content, status }, index) => (
          <li key={index} class={status === 'completed' ? 'quiet' : ''}>
            <span aria-hidden="true">{marks[status]}</span> {content}{' '}
            <span class="quiet">({words[status]})</span>
          </li>
        ))}
      </ol>
    </section>
  );
}
