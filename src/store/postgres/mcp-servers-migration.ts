// MCP servers that were added over the API.

export const mcpServersMigration = `
  CREATE TABLE mcp_servers (
    name text COLLATE "C" PRIMARY KEY,
    config text NOT NULL,
    created_at bigint NOT NULL
  );
`;
