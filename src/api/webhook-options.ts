// The options of a `WebhookManager`.

import type { WebhookEngineOptions } from '../webhooks/engine.ts';

/** Options of a `WebhookManager`. */
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
  /**
   * The config folder. It contains `webhooks.json`, and `codebuddy.db` in its subfolder `api`.
   * @default CODEBUDDY_HOME, otherwise ~/.codebuddy
   */
  readonly home?: string;
  /**
   * Your own event types, such as `deploy.finished`, for `emit` and for webhooks. Their data has no schema.
   * @default none
   */
  readonly eventTypes?: readonly string[];
  /**
   * Refuse data that does not match the schema of its event type. Otherwise it is sent unchanged, and `warn` is called
   * once per type.
   * @default false
   */
  readonly strict?: boolean;
}
