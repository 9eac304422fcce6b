// The sources by name.

import type { TriggerSource } from '../../contract/trigger-input.ts';
import type { Source } from '../call.ts';
import { bearer } from './bearer.ts';
import { github } from './github.ts';
import { gitlab } from './gitlab.ts';
import { hmac } from './hmac.ts';
import { slack } from './slack.ts';
import { standard } from './standard.ts';

export const sources: Readonly<Record<Exclude<TriggerSource, 'schedule'>, Source>> = {
  github,
  gitlab,
  'standard-webhooks': standard,
  slack,
  hmac,
  bearer,
};
