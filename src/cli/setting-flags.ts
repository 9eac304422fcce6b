// Flags for settings. Their syntax and help come from the settings' declarations.

import type { Command } from 'commander';
import { type SettingRule, settingRules } from '../config/setting-rules.ts';
import type { Flags, Settings } from '../config/settings.ts';
import { Flag } from './flag.ts';
import { repeated } from './option-values.ts';

type Values = Readonly<Record<string, Flags[keyof Settings]>>;

interface SettingOption {
  readonly name: keyof Settings;
  readonly option: Flag<readonly string[]>;
}

/** Adds the flags of these settings, or of all that have one. */
export function withSettings(command: Command, names?: readonly (keyof Settings)[]): Command {
  for (const { option } of settingOptions(names)) command.addOption(option);
  return command;
}

/** The flags that were given, by setting. */
export function settingFlags(values: object): Flags {
  return Object.fromEntries(
    settingOptions().map(({ name, option }) => [name, (values as Values)[option.attributeName()]]),
  );
}

function settingOptions(names?: readonly (keyof Settings)[]): readonly SettingOption[] {
  const rules = Object.entries(settingRules) as readonly (readonly [keyof Settings, SettingRule<unknown>])[];
  return rules.flatMap(([name, rule]) => {
    if (rule.flag === undefined || (names !== undefined && !names.includes(name))) return [];
    const { syntax, words, isRepeatable = false } = rule.flag;
    const option = new Flag<readonly string[]>(syntax, helpOf(rule), {
      ...(words === undefined ? {} : { words }),
      ...(isRepeatable ? { parse: repeated((value) => value) } : {}),
    });
    return [{ name, option }];
  });
}

/** `TCP port; 0 picks a free one (CODEBUDDY_PORT; default: 3847)` */
function helpOf({ flag, variable, commonVariable, defaultText, defaultValue }: SettingRule<unknown>): string {
  const preset = defaultText ?? defaultValue({ home: '', cwd: '' });
  const isConstant = typeof preset === 'string' || typeof preset === 'number';
  const notes = [
    ...(variable === undefined ? [] : [[variable, commonVariable].filter(Boolean).join(' or ')]),
    ...(isConstant ? [`default: ${preset}`] : []),
  ];
  return notes.length === 0 ? `${flag?.help}` : `${flag?.help} (${notes.join('; ')})`;
}
