// The triggers, one of them, or the form of a new one.

import type { ViewProps } from '../../app/view-props.ts';
import { NewTrigger } from './new-trigger.tsx';
import { TriggerView } from './trigger.tsx';
import { TriggerList } from './trigger-list.tsx';

export default function TriggersView({ path, query }: ViewProps) {
  const [id] = path;
  if (id === undefined) return <TriggerList />;
  return id === 'new' ? <NewTrigger /> : <TriggerView key={id} id={id} outcome={query.outcome} />;
}
