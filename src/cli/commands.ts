// All commands. The file of a command is loaded when the command runs.

import type { Commands } from './program.ts';

export const commands: Commands = {
  serve: {
    description: 'Start the server.',
    load: () => import('./serve.ts'),
    loadFlags: () => import('./serve-flags.ts'),
  },
  prompt: { description: 'Send a prompt and stream the answer.', load: () => import('./prompt.ts') },
  acp: {
    description: 'Serve an editor that speaks ACP on standard input and output.',
    load: () => import('./acp.ts'),
  },
  chat: { description: 'Chat with the agent in the terminal.', load: () => import('./chat.ts') },
  tools: { description: 'List and run tools.', load: () => import('./tools.ts') },
  runs: { description: 'List, show, steer, cancel and resume runs.', load: () => import('./runs.ts') },
  permissions: {
    description: 'List, allow and deny pending permissions.',
    load: () => import('./permissions.ts'),
  },
  inbox: {
    description: 'List what runs wait for, and answer questions of the agent.',
    load: () => import('./inbox.ts'),
  },
  sessions: {
    description: 'List, search, show, add to, compact, fork, archive, export and delete sessions.',
    load: () => import('./sessions.ts'),
  },
  changes: {
    description: 'Show the files that a session has changed.',
    load: () => import('./changes.ts'),
  },
  undo: {
    description: 'Take a session and its files back to before a prompt.',
    load: () => import('./undo.ts'),
  },
  redo: { description: 'Take back the last undo of a session.', load: () => import('./redo.ts') },
  events: { description: 'Follow the event log.', load: () => import('./events.ts') },
  webhooks: { description: 'Create, update, test and remove webhooks.', load: () => import('./webhooks.ts') },
  deliveries: {
    description: 'List, explain and retry webhook deliveries.',
    load: () => import('./deliveries.ts'),
  },
  triggers: {
    description: 'Start runs by calls of GitHub, Slack and others, or on a schedule.',
    load: () => import('./triggers.ts'),
  },
  agents: { description: 'List the agents that could answer.', load: () => import('./agents.ts') },
  'mcp-servers': {
    description: 'List, add, remove and restart MCP servers.',
    load: () => import('./mcp-servers.ts'),
  },
  workspaces: {
    description: 'List the folders that sessions work in.',
    load: () => import('./workspaces.ts'),
  },
  models: { description: 'List the models that could answer.', load: () => import('./models.ts') },
  stats: { description: 'Count runs, tokens, cost and deliveries.', load: () => import('./stats.ts') },
  status: { description: 'Show the status of the server.', load: () => import('./status.ts') },
  stop: { description: 'Stop the local server.', load: () => import('./stop.ts') },
  logs: {
    description: 'Print the log of a server that a command started.',
    load: () => import('./logs.ts'),
  },
  keys: { description: 'Create, list, update and revoke API keys.', load: () => import('./keys.ts') },
  nodes: { description: 'List the nodes that share the database.', load: () => import('./nodes.ts') },
  migrate: {
    description: 'Move the data of a SQLite home to a PostgreSQL database.',
    load: () => import('./migrate.ts'),
  },
  mcp: {
    description: 'Serve the agent to an MCP client on standard input and output.',
    load: () => import('./mcp.ts'),
  },
  open: {
    description: 'Open the dashboard in the browser.',
    load: () => import('./open.ts'),
  },
  openapi: {
    description: 'Print the OpenAPI 3.1 document of the running server.',
    load: () => import('./openapi.ts'),
  },
  init: { description: 'Write config.json: asks a few questions.', load: () => import('./init.ts') },
  config: {
    description: 'Show the settings, and change config.json.',
    load: () => import('./config.ts'),
  },
  doctor: {
    description: 'Check this machine, the settings and the server.',
    load: () => import('./doctor.ts'),
  },
  completion: {
    description: 'Print a script that completes commands in bash, zsh or fish.',
    load: () => import('./completion.ts'),
  },
};
