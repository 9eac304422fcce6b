// Triggers, as the REST server takes them. The nouns are in `contract/`.

import type { Page, PageRequest } from '../contract/page.ts';
import type { RotatedTriggerSecret, Trigger } from '../contract/trigger.ts';
import type { TriggerAnswer, TriggerCall, TriggerTest, TriggerTestResult } from '../contract/trigger-call.ts';
import type { TriggerInput, TriggerPatch } from '../contract/trigger-input.ts';
import type { TriggerOutcome } from '../contract/trigger-outcome.ts';

export interface TriggerService {
  list(): Promise<readonly Trigger[]>;
  get(id: string): Promise<Trigger | undefined>;
  /** @throws CodeBuddyError `validation_failed` naming each field, `trigger_exists` */
  create(input: TriggerInput): Promise<{ readonly trigger: Trigger; readonly secret: string | null }>;
  /** @throws CodeBuddyError `trigger_not_found`, `validation_failed` */
  update(id: string, patch: TriggerPatch): Promise<Trigger>;
  /** @throws CodeBuddyError `trigger_not_found` */
  remove(id: string): Promise<void>;
  /** @throws CodeBuddyError `trigger_not_found`, `validation_failed` */
  rotateSecret(id: string, secret?: string): Promise<RotatedTriggerSecret>;
  /** @throws CodeBuddyError `trigger_not_found` */
  test(id: string, test: TriggerTest): Promise<TriggerTestResult>;
  /** Newest first. @throws CodeBuddyError `trigger_not_found` */
  calls(id: string, page: PageRequest & { readonly outcome?: TriggerOutcome }): Promise<Page<TriggerCall>>;
  /** Calls by outcome since the start, also those that are not listed. For metrics. */
  stats?(): Readonly<Record<TriggerOutcome, number>>;
  /**
   * A request to the URL of a trigger. The body is read only if the trigger exists.
   * @throws CodeBuddyError for a call that is refused
   */
  receive(
    id: string,
    call: {
      /** By lower-case name. */
      readonly headers: Readonly<Record<string, string | undefined>>;
      readonly hop: number;
      readonly readBody: () => Promise<Buffer>;
    },
  ): Promise<{ readonly status: 200 | 202; readonly body: TriggerAnswer }>;
}
