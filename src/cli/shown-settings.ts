// The settings with their origins, without secrets: for `doctor` and `config`.

import { hideUrlSecrets } from '../base/redaction.ts';
import type { Origins, Settings } from '../config/settings.ts';

export interface ShownSetting {
  readonly name: string;
  readonly value: unknown;
  readonly origin: string;
}

export function shownSettings(settings: Settings, origins: Origins): readonly ShownSetting[] {
  const shown = {
    ...settings,
    apiKey: settings.apiKey === undefined ? undefined : '(set)',
    database:
      settings.database.kind === 'sqlite' ? settings.database.path : maskUserInfo(settings.database.url),
    // They may contain secrets.
    providers: namesOf(settings.providers),
    mcpServers: namesOf(settings.mcpServers),
    webhookProxy: settings.webhookProxy && maskUserInfo(settings.webhookProxy),
  };
  return Object.entries(shown).map(([name, value]) => ({
    name,
    value: value ?? null,
    origin: origins[name as keyof Settings],
  }));
}

export function shownValue(value: unknown): string {
  if (value === null) return '-';
  const text =
    typeof value === 'object' && !Array.isArray(value) ? JSON.stringify(value) : String(value as string);
  return text === '' || text === '{}' ? '(none)' : text;
}

function maskUserInfo(url: string): string {
  return hideUrlSecrets(url.replace(/\/\/[^/]*@/, '//***@'));
}

function namesOf(value: unknown): readonly string[] | undefined {
  return typeof value === 'object' && value !== null ? Object.keys(value) : undefined;
}
