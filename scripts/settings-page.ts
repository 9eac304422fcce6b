// Makes docs/settings.md from the declarations of the settings.

import { type SettingRule, settingRules } from '../src/config/setting-rules.ts';

export function settingsPage(generated: string): string {
  const rules: readonly (readonly [string, SettingRule<unknown>])[] = Object.entries(settingRules);
  return `${generated}

# Settings

A setting is taken from the first place that has it: the flag, the environment variable, the field of \`config.json\`,
the default. [Configuration](configuration.md) explains the files; \`codebuddy doctor\` and \`codebuddy config list\` show
the value and the origin of each setting.

| Field of \`config.json\` | Flag | Environment | Default | What it sets | Valid values |
| --- | --- | --- | --- | --- | --- |
${rules.map(([name, rule]) => `| ${cellsOf(name, rule).join(' | ')} |`).join('\n')}
`;
}

function cellsOf(name: string, rule: SettingRule<unknown>): readonly string[] {
  const { field, alias, flag, variable, commonVariable } = rule;
  return [
    either(field, alias),
    flag === undefined ? '' : code(flag.syntax),
    either(variable, commonVariable),
    defaultOf(rule),
    aboutOf(name, rule),
    expectedOf(rule),
  ].map((cell) => cell.replaceAll('|', '\\|'));
}

function either(name: string | undefined, other: string | undefined): string {
  return [name, other].flatMap((one) => (one === undefined ? [] : [code(one)])).join(' or ');
}

/** @throws Error for a setting without a description */
function aboutOf(name: string, { about, flag }: SettingRule<unknown>): string {
  const text = about ?? flag?.help;
  if (text === undefined)
    throw new Error(`the setting ${name} needs \`about\` in src/config/setting-rules.ts`);
  return `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, '')}.`;
}

function expectedOf({ expected }: SettingRule<unknown>): string {
  const text = typeof expected === 'string' ? expected : expected(undefined);
  // Escape the asterisks of patterns, which Markdown would read as emphasis.
  return text.replaceAll('*', '\\*');
}

function defaultOf({ defaultText, defaultValue }: SettingRule<unknown>): string {
  if (defaultText !== undefined) return defaultText;
  const value = defaultValue({ home: '~/.codebuddy', cwd: '.' });
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return 'none';
  return code(typeof value === 'string' ? value : JSON.stringify(value));
}

function code(text: string): string {
  return `\`${text}\``;
}
