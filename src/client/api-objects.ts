// The types of requests and responses, derived from the types that are generated from /openapi.json.

import type { operations } from './api-types.ts';

type JsonOf<R> = R extends { readonly content: { readonly 'application/json': infer T } } ? T : never;

/** The JSON body of a response. */
export type Answer<O extends keyof operations, S extends number> = S extends keyof operations[O]['responses']
  ? JsonOf<operations[O]['responses'][S]>
  : never;

/** The JSON body of a request. */
export type Body<O extends keyof operations> = operations[O] extends {
  readonly requestBody: { readonly content: { readonly 'application/json': infer T } };
}
  ? T
  : never;

/** The query parameters of a request. */
export type Query<O extends keyof operations> = NonNullable<operations[O]['parameters']['query']>;

export type PromptRequest = Body<'prompt'>;
export type PromptResult = Answer<'prompt', 200>;
export type Run = Answer<'getRun', 200>;
export type Permission = Answer<'listPermissions', 200>['permissions'][number];
export type PermissionDecision = Body<'decidePermission'>;
export type InboxItem = Answer<'listInbox', 200>['items'][number];
export type Question = Answer<'answerQuestion', 200>;
export type QuestionAnswer = Body<'answerQuestion'>;
export type ToolCall = Answer<'answerToolCall', 200>;
export type ToolCallResult = Body<'answerToolCall'>;
export type Session = Answer<'getSession', 200>;
export type ExportedSession = Answer<'exportSession', 200>;
export type Message = Answer<'listSessionMessages', 200>['messages'][number];
export type FileEntry = Answer<'listFiles', 200>['files'][number];
export type SessionChange = Answer<'listSessionChanges', 200>['changes'][number];
export type UndoResult = Answer<'undoSession', 200>;
export type SearchHit = Answer<'searchMessages', 200>['hits'][number];
export type ToolDescription = Answer<'listTools', 200>['tools'][number];
export type LoggedEvent = Answer<'listEvents', 200>['events'][number];
export type Webhook = Answer<'getWebhook', 200>;
export type WebhookPatch = Body<'updateWebhook'>;
export type CreatedWebhook = Answer<'createWebhook', 201>;
export type Trigger = Answer<'getTrigger', 200>;
export type TriggerPatch = Body<'updateTrigger'>;
export type CreatedTrigger = Answer<'createTrigger', 201>;
export type TriggerCall = Answer<'listTriggerCalls', 200>['calls'][number];
export type Delivery = Answer<'listDeliveries', 200>['deliveries'][number];
export type ExplainedDelivery = Answer<'getDelivery', 200>;
export type DeliveryRequest = Answer<'getDeliveryRequest', 200>;
export type ApiKey = Answer<'listKeys', 200>['keys'][number];
export type Node = Answer<'listNodes', 200>['nodes'][number];
export type UploadedFile = Answer<'getUploadedFile', 200>;
export type Part = NonNullable<Message['parts']>[number];
export type PartInput = NonNullable<PromptRequest['parts']>[number];
export type Setting = Answer<'listSettings', 200>['settings'][number];
export type Agent = Answer<'listAgents', 200>['agents'][number];
export type McpServer = Answer<'listMcpServers', 200>['mcpServers'][number];
export type Workspaces = Answer<'listWorkspaces', 200>;
export type Models = Answer<'listModels', 200>;
export type Model = Models['models'][number];
