// Whether the page follows the server.

import { connection } from './live.ts';

const words = {
  live: { text: 'live', class: 'good', title: 'This page shows every change as it happens.' },
  reconnecting: {
    text: 'reconnecting',
    class: 'warn',
    title: 'The server does not answer. This page continues where it stopped when the server is back.',
  },
  stopped: { text: 'stopped', class: 'bad', title: 'This page no longer updates. Reload it.' },
} as const;

export function ConnectionState() {
  const { text, title, ...state } = words[connection.value];
  return (
    <span class={`row ${state.class}`} role="status" title={title}>
      <span class="dot" />
      {text}
    </span>
  );
}
