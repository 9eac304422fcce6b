// The models that could answer: which one does, why, and what it costs.

import type { Model } from '../../../src/client/web.ts';
import { useResource } from '../../app/resource.ts';
import { client } from '../../app/sign-in.ts';
import { CardTable } from '../../parts/card-table.tsx';
import { formatCompact, formatCost, plural } from '../../parts/format.ts';
import { Content } from '../../parts/state.tsx';

const uses: Readonly<Record<Model['use'], string>> = {
  default: 'answers',
  fallback: 'fallback',
  by_name: 'on request',
};

export function Models() {
  const models = useResource('models', (signal) => client.models.list({ signal }));
  return (
    <Content of={models}>
      {({ models: all, reason, places }) => (
        <div class="stack">
          <div class="row wrap">
            <p class="grow">
              <code>{all[0]?.id}</code> answers prompts that name no model: {reason}.
            </p>
            <span class="quiet">{plural(all.length, 'model')}</span>
            <button type="button" onClick={models.reload}>
              Look again
            </button>
          </div>
          <div class="panel">
            <CardTable columns={['Model', 'Use', 'Why', 'Can', 'Context', 'Price per million tokens']}>
              {all.map((model) => (
                <Row key={model.id} model={model} />
              ))}
            </CardTable>
          </div>
          <section class="panel" aria-labelledby="places">
            <header>
              <h2 id="places">Where the server looked for models</h2>
            </header>
            <table class="cards">
              <tbody>
                {places.map(({ where, found, detail }) => (
                  <tr key={where}>
                    <td class="value place">
                      <code>{where}</code>
                    </td>
                    <td class={found === null ? 'quiet' : ''}>
                      {detail}
                      {found !== null && (
                        <>
                          : <code>{found}</code>
                        </>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
          <p class="quiet">
            Choose others with <code>codebuddy serve --model provider/name,fallback</code>, or{' '}
            <code>models</code> in config.json.
          </p>
        </div>
      )}
    </Content>
  );
}

function Row({
  model: { id, provider, use, ready, detail, local, reachable, can, contextWindow, price },
}: {
  readonly model: Model;
}) {
  return (
    <tr>
      <td>
        <code>{id}</code>
      </td>
      <td>
        <span class={use === 'default' ? 'chip good' : 'chip'}>{uses[use]}</span>
      </td>
      <td data-label="Why" class={ready ? '' : 'bad'}>
        {detail}
        {local && provider !== 'offline' && <span class="quiet"> (on this machine or network)</span>}
        {reachable === false && <span class="bad"> (no answer)</span>}
      </td>
      <td data-label="Can" class="quiet">
        {abilitiesOf(can)}
      </td>
      <td data-label="Context" class="quiet">
        {contextWindow === null ? 'not known' : `${formatCompact(contextWindow)} tokens`}
      </td>
      <td data-label="Price" class="quiet">
        {priceOf(price)}
      </td>
    </tr>
  );
}

const abilities: readonly (readonly [keyof Model['can'], string])[] = [
  ['tools', 'tools'],
  ['vision', 'images'],
  ['structuredOutput', 'schemas'],
  ['reasoning', 'reasoning'],
];

/** A `?` follows what is not known. */
function abilitiesOf(can: Model['can']): string {
  const known = abilities.flatMap(([name, word]) =>
    can[name] === false ? [] : [can[name] === null ? `${word}?` : word],
  );
  return known.join(', ') || 'text only';
}

function priceOf(price: Model['price']): string {
  if (price === null) return 'price not known';
  if (price.input === 0 && price.output === 0) return 'free';
  return `${formatCost(price.input)} in, ${formatCost(price.output)} out`;
}
