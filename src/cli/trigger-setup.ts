// What to enter at the sender after a trigger was created.

import type { CreatedTrigger } from '../client/index.ts';
import { oneLine } from './output.ts';

/** The lines to print. `serverUrl`: where this machine reaches the server. */
export function setupLines(trigger: CreatedTrigger, serverUrl: string): readonly string[] {
  const { source, path, secret } = trigger;
  if (path === null) return [`It starts a run next at ${trigger.nextRunAt ?? 'no time'}.`];
  const url = `${serverUrl.replace(/\/$/, '')}${path}`;
  const lines = [`URL           ${url}`, `Secret        ${oneLine(secret ?? '')}`];
  const local = /^https?:\/\/(127\.|localhost|\[::1\])/.test(serverUrl)
    ? [
        '',
        `The sender must reach the URL. If the server is behind a tunnel or a proxy, use its host instead, and allow the host: "allowedHosts": ["HOST"] in config.json.`,
      ]
    : [];
  return [...introductions[source], ...lines, ...steps(trigger, url), ...local];
}

const introductions: Readonly<Record<CreatedTrigger['source'], readonly string[]>> = {
  github: ['At GitHub, under Settings > Webhooks > Add webhook, enter:'],
  gitlab: ['At GitLab, under Settings > Webhooks > Add new webhook, enter:'],
  slack: ['At Slack, under Event Subscriptions > Request URL, enter:'],
  'standard-webhooks': ['At the sender, enter:'],
  hmac: ['At the sender, enter:'],
  bearer: ['The sender needs:'],
  schedule: [],
};

function steps({ source, filter }: CreatedTrigger, url: string): readonly string[] {
  const events = filter.events?.map((event) => event.split('.', 1)[0] ?? event);
  const chosen = events === undefined ? 'those that the prompt is about' : [...new Set(events)].join(', ');
  switch (source) {
    case 'github':
      return ['Content type  application/json', `Events        ${oneLine(chosen)}`];
    case 'gitlab':
      return [
        '              (as the secret token, or as the signing token)',
        `Trigger       ${oneLine(chosen)}`,
      ];
    case 'bearer':
      return ['', 'For example:', `  curl -H "Authorization: Bearer $SECRET" --json '{}' ${url}`];
    default:
      return [];
  }
}
