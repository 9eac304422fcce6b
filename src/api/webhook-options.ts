// What a `WebhookManager` can be told.

import type { WebhookEngineOptions } from '../webhooks/engine.ts';

export interface WebhookManagerOptions
  extends Pick<
    WebhookEngineOptions,
    | 'allowedTargets'
    | 'allowLoopback'
    | 'ca'
    | 'proxy'
    | 'nameServers'
    | 'hostsFile'
    | 'resolvConf'
    | 'maxInFlight'
    | 'keepDeliveries'
    | 'warn'
    | 'clock'
    | 'random'
  > {
  /** The folder of `webhooks.json`, and of `codebuddy.db` in its subfolder `api`. @default CODEBUDDY_HOME, else ~/.codebuddy */
  readonly home?: string;
  /** Event types of your own, as `deploy.finished`: they are emitted, and webhooks may name them. Their data has no schema. @default none */
  readonly eventTypes?: readonly string[];
  /**
   * Refuse data that does not fit the schema of its event type. Otherwise it is sent as it is, and `warn` is told once for each type.
   * @default false
   */
  readonly strict?: boolean;
}
