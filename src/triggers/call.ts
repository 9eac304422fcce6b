// A call of a trigger: the request, what its source says about it, and its payload.

import type { TriggerConfig } from './trigger-config.ts';

/** The request as it was received. */
export interface CallRequest {
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
  /** Unix ms. */
  readonly receivedAt: number;
}

/** The sender's description of the call. */
export interface CallFacts {
  /** Such as `pull_request.opened`. */
  readonly event?: string | undefined;
  readonly actor?: string | undefined;
  readonly branch?: string | undefined;
  readonly labels?: readonly string[] | undefined;
  readonly authorAssociation?: string | undefined;
  readonly deliveryId?: string | undefined;
  /** Of a schedule: the time that was due, in Unix ms. */
  readonly dueAt?: number | undefined;
}

export interface Call {
  readonly config: TriggerConfig;
  readonly facts: CallFacts;
  /** A JSON value. */
  readonly payload: unknown;
  /** Unix ms. */
  readonly receivedAt: number;
}

/** One kind of sender. */
export interface Source {
  /** Why the signature, the token or the time is wrong; undefined if it is right. Takes constant time for a secret. */
  verify(request: CallRequest, config: TriggerConfig, secrets: readonly string[]): string | undefined;
  /** The headers, in lower case, that prove who the sender is. */
  proof(config: TriggerConfig): readonly string[];
  facts(payload: unknown, request: CallRequest, config: TriggerConfig): CallFacts;
  /** A call with one of the same identities is a repetition. None: every call counts. */
  identities(payload: unknown, request: CallRequest, config: TriggerConfig): readonly string[];
  /** Why a time inside the payload is not accepted; undefined if it is. */
  isStale?(payload: unknown, request: CallRequest, config: TriggerConfig): string | undefined;
  /** The answer to a call that only checks the URL; undefined for others. */
  greeting?(
    payload: unknown,
    request: CallRequest,
  ): { readonly reason: string; readonly challenge?: string } | undefined;
  /** The sender gives up after this time, in ms. */
  readonly answerWithinMs?: number;
}
