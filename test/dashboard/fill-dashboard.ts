// Something to see in every view: a session with reads, edits and a failed tool, a fork, and events of all of them.

import type { StartedApp } from '../http/start-app.ts';

export async function fillDashboard({ client, write }: StartedApp): Promise<{ readonly sessionId: string }> {
  write('a.txt', 'alpha');
  const prompt = [
    'read a.txt',
    'list',
    `write ${'long-name-'.repeat(8)}.txt: one`,
    'replace alpha with beta in a.txt',
    'read missing.txt',
    'help',
  ].join('\n');
  const { sessionId } = await client.prompt({ prompt });
  await client.sessions.fork(sessionId);
  return { sessionId };
}
