// The delivery of a test, followed in place until it has ended.

import { useResource } from '../../app/resource.ts';
import { hrefOf } from '../../app/router.ts';
import { client } from '../../app/sign-in.ts';
import { Icon } from '../../parts/icon.tsx';
import { Content } from '../../parts/state.tsx';
import { TimedText } from '../../parts/timed-text.tsx';
import { Attempts } from '../deliveries/attempts.tsx';
import { DeliveryState } from '../deliveries/delivery-state.tsx';
import { useFollowDeliveries } from '../deliveries/follow-deliveries.ts';

export function TestResult({ id, onClose }: { readonly id: string; readonly onClose: () => void }) {
  const delivery = useResource(`delivery ${id}`, (signal) => client.deliveries.get(id, { signal }));
  const { value } = delivery;
  useFollowDeliveries(value === undefined ? [] : [value], delivery.reload);
  return (
    <section class="panel" aria-label="Test">
      <header>
        <h2>Test</h2>
        {value !== undefined && <DeliveryState delivery={value} />}
        <a class="grow" href={hrefOf(['deliveries', id])}>
          Open the delivery
        </a>
        <button type="button" class="bare" aria-label="Close the result" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <div class="body stack" aria-live="polite">
        <Content of={delivery}>
          {(loaded) => (
            <>
              <p class="break">
                <TimedText text={loaded.explanation.summary} />
              </p>
              <p class="break quiet">
                <TimedText text={loaded.explanation.nextStep} />
              </p>
              <Attempts delivery={loaded} />
            </>
          )}
        </Content>
      </div>
    </section>
  );
}
