// `client.settings`.

import type { Answer } from '../api-objects.ts';
import type { CallOptions } from '../call-options.ts';
import { Resource } from './resource.ts';

/** The settings of the server. */
export class Settings extends Resource {
  /** Lists the settings of the server with their origins. Secrets are masked. */
  list(options?: CallOptions): Promise<Answer<'getConfig', 200>> {
    return this.calls.get('/api/config', options);
  }
}
