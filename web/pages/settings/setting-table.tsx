// Each setting with its value, its origin, and how to set it.

import type { Setting } from '../../../src/client/web.ts';
import { useResource } from '../../app/resource.ts';
import { place, setQuery } from '../../app/router.ts';
import { client } from '../../app/sign-in.ts';
import { CardTable } from '../../parts/card-table.tsx';
import { plural } from '../../parts/format.ts';
import { Content, Empty } from '../../parts/state.tsx';

export function SettingTable() {
  const settings = useResource('settings', (signal) => client.settings.list({ signal }));
  const { filter = '', changed } = place.value.query;
  const words = filter.toLowerCase();
  return (
    <Content of={settings}>
      {({ settings: all }) => {
        const shown = all.filter(
          ({ name, value, origin }) =>
            (changed === undefined || origin !== 'default') &&
            `${name} ${textOf(value)} ${origin}`.toLowerCase().includes(words),
        );
        const areAll = shown.length === all.length;
        return (
          <div class="stack">
            <p class="quiet">
              Settings are read at startup: restart the server after a change. A flag overrides an environment
              variable, which overrides config.json.
            </p>
            <div class="row wrap">
              <input
                type="text"
                aria-label="Filter settings"
                placeholder="Filter"
                value={filter}
                spellcheck={false}
                onInput={({ currentTarget }) => setQuery({ filter: currentTarget.value })}
              />
              <label class="check">
                <input
                  type="checkbox"
                  checked={changed !== undefined}
                  onChange={({ currentTarget }) =>
                    setQuery({ changed: currentTarget.checked ? 'yes' : undefined })
                  }
                />
                hide defaults
              </label>
              <span class="quiet">
                {areAll
                  ? plural(all.length, 'setting')
                  : `${shown.length} of ${plural(all.length, 'setting')}`}
              </span>
            </div>
            <div class="panel">
              {shown.length === 0 ? (
                <Empty>No setting matches the filter.</Empty>
              ) : (
                <CardTable columns={['Setting', 'Value', 'Origin', 'Set with']}>
                  {shown.map((setting) => (
                    <Row key={setting.name} setting={setting} />
                  ))}
                </CardTable>
              )}
            </div>
          </div>
        );
      }}
    </Content>
  );
}

function Row({
  setting: { name, value, origin, about, flag, variable, field },
}: {
  readonly setting: Setting;
}) {
  const ways = [flag, variable, field === null ? null : `config.json ${field}`].filter((way) => way !== null);
  return (
    <tr>
      <td>
        <code title={about}>{name}</code>
      </td>
      <td class="value">{value === null ? <span class="quiet">none</span> : <code>{textOf(value)}</code>}</td>
      <td data-label="Origin" class={origin === 'default' ? 'quiet' : ''}>
        {origin}
      </td>
      <td data-label="Set with" class="quiet">
        {ways.join(', ')}
      </td>
    </tr>
  );
}

function textOf(value: unknown): string {
  if (Array.isArray(value) && value.length === 0) return '(none)';
  if (Array.isArray(value) && value.every((one) => typeof one !== 'object')) return value.join(', ');
  if (typeof value === 'object' && value !== null && Object.keys(value).length === 0) return '(none)';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
