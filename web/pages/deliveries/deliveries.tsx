// The deliveries, and one of them.

import type { ViewProps } from '../../app/view-props.ts';
import { DeliveryView } from './delivery.tsx';
import { DeliveryList } from './delivery-list.tsx';

export default function DeliveriesView({ path, query }: ViewProps) {
  const [id] = path;
  return id === undefined ? <DeliveryList query={query} /> : <DeliveryView key={id} id={id} />;
}
