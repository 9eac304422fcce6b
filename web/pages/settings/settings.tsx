// The settings, and what belongs to them: agents, models, keys, nodes, and how this page looks.

import type { FunctionComponent } from 'preact';
import { hrefOf } from '../../app/router.ts';
import type { ViewProps } from '../../app/view-props.ts';
import { Empty } from '../../parts/state.tsx';
import { Agents } from './agents.tsx';
import { Appearance } from './appearance.tsx';
import { Keys } from './keys.tsx';
import { Models } from './models.tsx';
import { Nodes } from './nodes.tsx';
import { SettingTable } from './setting-table.tsx';

interface Tab {
  /** Empty for the first one. */
  readonly name: string;
  readonly title: string;
  readonly Content: FunctionComponent;
}

const tabs: readonly Tab[] = [
  { name: '', title: 'Settings', Content: SettingTable },
  { name: 'agents', title: 'Agents', Content: Agents },
  { name: 'models', title: 'Models', Content: Models },
  { name: 'keys', title: 'Keys', Content: Keys },
  { name: 'nodes', title: 'Nodes', Content: Nodes },
  { name: 'appearance', title: 'Appearance', Content: Appearance },
];

export default function SettingsView({ path: [name = ''] }: ViewProps) {
  const open = tabs.find((tab) => tab.name === name);
  return (
    <>
      <header>
        <h1>Settings</h1>
      </header>
      <nav class="tabs" aria-label="Settings">
        {tabs.map((tab) => (
          <a
            key={tab.name}
            href={hrefOf(tab.name === '' ? ['settings'] : ['settings', tab.name])}
            aria-current={tab === open ? 'page' : undefined}
          >
            {tab.title}
          </a>
        ))}
      </nav>
      {open === undefined ? <Empty>There is no such settings page.</Empty> : <open.Content />}
    </>
  );
}
