// The views by the first part of the address. Each is loaded when it is first opened.

import type { ComponentType } from 'preact';
import type { IconName } from '../parts/icon.tsx';
import type { ViewProps } from './view-props.ts';

export interface View {
  readonly name: string;
  readonly title: string;
  readonly icon: IconName;
  /** The key after `g`. Absent: the view is not in the rail. */
  readonly key?: string;
  readonly load: () => Promise<{ readonly default: ComponentType<ViewProps> }>;
}

export const views: readonly View[] = [
  {
    name: '',
    title: 'Overview',
    icon: 'overview',
    key: 'o',
    load: () => import('../pages/overview/overview.tsx'),
  },
  {
    name: 'sessions',
    title: 'Sessions',
    icon: 'sessions',
    key: 's',
    load: () => import('../pages/sessions/sessions.tsx'),
  },
  {
    name: 'permissions',
    title: 'Permissions',
    icon: 'permissions',
    key: 'p',
    load: () => import('../pages/permissions/permissions.tsx'),
  },
  {
    name: 'events',
    title: 'Events',
    icon: 'events',
    key: 'e',
    load: () => import('../pages/events/events.tsx'),
  },
  {
    name: 'webhooks',
    title: 'Webhooks',
    icon: 'webhooks',
    key: 'w',
    load: () => import('../pages/webhooks/webhooks.tsx'),
  },
  {
    name: 'deliveries',
    title: 'Deliveries',
    icon: 'deliveries',
    key: 'd',
    load: () => import('../pages/deliveries/deliveries.tsx'),
  },
  {
    name: 'triggers',
    title: 'Triggers',
    icon: 'triggers',
    key: 'r',
    load: () => import('../pages/triggers/triggers.tsx'),
  },
  {
    name: 'files',
    title: 'Files',
    icon: 'files',
    key: 'f',
    load: () => import('../pages/files/files.tsx'),
  },
  {
    name: 'tools',
    title: 'Tools',
    icon: 'tools',
    key: 't',
    load: () => import('../pages/tools/tools.tsx'),
  },
  {
    name: 'settings',
    title: 'Settings',
    icon: 'settings',
    key: ',',
    load: () => import('../pages/settings/settings.tsx'),
  },
  {
    name: 'search',
    title: 'Search',
    icon: 'search',
    load: () => import('../pages/search/search.tsx'),
  },
];
