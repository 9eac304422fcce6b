// The settings as `doctor` and the API show them: with their origins, and without secrets.

import { hideUrlSecrets } from '../base/redaction.ts';
import type { Setting } from '../contract/setting.ts';
import { type SettingRule, settingRules } from './setting-rules.ts';
import type { Origins, Settings } from './settings.ts';

export function shownSettings(settings: Settings, origins: Origins): readonly Setting[] {
  const { apiKey, database, providers, mcpServers, agents, webhookProxy } = settings;
  const shown: Readonly<Record<string, unknown>> = {
    ...settings,
    apiKey: apiKey === undefined ? undefined : '(set)',
    database: database.kind === 'sqlite' ? database.path : maskUserInfo(database.url),
    // They may contain secrets.
    providers: namesOf(providers),
    mcpServers: namesOf(mcpServers),
    agents: namesOf(agents),
    webhookProxy: webhookProxy && maskUserInfo(webhookProxy),
  };
  return Object.entries(shown).map(([name, value]) => {
    const { about, flag, variable, field } = settingRules[name as keyof Settings] as SettingRule<unknown>;
    return {
      name,
      value: value ?? null,
      origin: origins[name as keyof Settings],
      about: plainText(about ?? `${capital(flag?.help ?? name)}.`),
      flag: flag?.syntax.split(' ', 1)[0] ?? null,
      variable: variable ?? null,
      field: field ?? null,
    };
  });
}

function maskUserInfo(url: string): string {
  return hideUrlSecrets(url.replace(/\/\/[^/]*@/, '//***@'));
}

function namesOf(value: unknown): readonly string[] | undefined {
  return typeof value === 'object' && value !== null ? Object.keys(value) : undefined;
}

/** Without the links of the reference. */
function plainText(about: string): string {
  return about.replaceAll(/\[([^[\]]+)\]\([^()]+\)/g, '$1');
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
