// The interface of the OpenAI-compatible API to its routes.

import type { ChatRequest } from '../contract/openai-chat.ts';
import type { OpenAiModel, OpenAiModelList } from '../contract/openai-model.ts';
import type { ResponseInputItems, ResponseObject, ResponseRequest } from '../contract/openai-response.ts';

/** A message of a stream. Without `event` it has no name. */
export interface DoorMessage {
  readonly event?: string;
  readonly data: unknown;
}

/** The stream of an OpenAI-compatible answer. */
export interface DoorStream {
  /** Aborts when the client disconnects or is too slow, or the server stops. */
  readonly signal: AbortSignal;
  /** Resolves when there is room for more. */
  send(messages: readonly DoorMessage[]): Promise<void>;
  comment(text: string): void;
  /** Sends `[DONE]`. */
  done(): void;
}

export type DoorAnswer =
  | { readonly kind: 'body'; readonly headers: Readonly<Record<string, string>>; readonly body: object }
  | {
      readonly kind: 'stream';
      readonly headers: Readonly<Record<string, string>>;
      /** The message for an error after the stream has begun. */
      readonly failure: (code: string, message: string) => DoorMessage;
      readonly write: (stream: DoorStream) => Promise<void>;
    };

/** The client of a request to the OpenAI-compatible routes. */
export interface DoorCaller {
  readonly keyId: string | null;
  readonly mayUseTools: boolean;
  readonly requestId: string;
  readonly hop: number;
  /** `X-CodeBuddy-Session`. */
  readonly session?: string;
  /** `X-OpenWebUI-Chat-Id`. */
  readonly chat?: string;
  /** Aborts when the client disconnects. */
  readonly gone: AbortSignal;
  /** The server as the client addresses it. */
  readonly baseUrl: string;
}

/** The OpenAI-compatible routes. Each method throws a CodeBuddyError for a request that cannot be answered. */
export interface OpenAiService {
  models(): Promise<OpenAiModelList>;
  model(id: string): Promise<OpenAiModel>;
  chat(body: ChatRequest, caller: DoorCaller): Promise<DoorAnswer>;
  respond(body: ResponseRequest, caller: DoorCaller): Promise<DoorAnswer>;
  response(id: string): Promise<ResponseObject>;
  cancel(id: string): Promise<ResponseObject>;
  delete(id: string): Promise<string>;
  inputItems(id: string): Promise<ResponseInputItems>;
}
