// Limits of a command in the sandbox, with the real bubblewrap.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hasBubblewrap, isRoot, owners, putNode, startSandboxedAgent } from './real-bubblewrap.ts';

describe.skipIf(!hasBubblewrap).each(owners)('a command in a workspace of %s', (owner) => {
  it('cannot write a file larger than the limit', async () => {
    const { run, workspace } = await startSandboxedAgent(owner, { limits: { fileMb: 1 } });
    expect((await run('head -c 3000000 /dev/zero > big')).exitCode).not.toBe(0);
    expect(statSync(join(workspace, 'big')).size).toBeLessThanOrEqual(1024 * 1024);
  });

  it('cannot use more memory in a process than the limit', async () => {
    const { run } = await startSandboxedAgent(owner, { limits: { memoryMb: 64 } });
    // One line of 200 MB, which tail must keep.
    expect((await run('head -c 200000000 /dev/zero | tail -n 1 | wc -c')).stdout.trim()).toBe('0');
  });

  it.each(['/tmp', '/var/tmp', '/dev/shm'])('cannot fill %s beyond the limit', async (folder) => {
    const { run } = await startSandboxedAgent(owner, { limits: { tmpMb: 1 } });
    const { stdout } = await run(`head -c 3000000 /dev/zero > ${folder}/big; stat -c %s ${folder}/big`);
    expect(Number(stdout)).toBeLessThanOrEqual(1024 * 1024);
    expect(Number(stdout)).toBeGreaterThan(0);
  });

  it('cannot raise a limit again', async () => {
    const { run } = await startSandboxedAgent(owner, { limits: { fileMb: 1, memoryMb: 512 } });
    const raising = await run('ulimit -f unlimited || ulimit -d unlimited || ulimit -c unlimited; ulimit -f');
    expect(raising.stdout).toBe('1024\n');
  });

  it.skipIf(isRoot && owner === 'our own')('cannot start more processes than the limit', async () => {
    const { run } = await startSandboxedAgent(owner, { limits: { processes: 30 } });
    // Not bash, which tries again for 15 seconds.
    const { stdout } = await run(
      `sh -c 'for i in $(seq 60); do sleep 600 & echo started; done' 2>/dev/null || true`,
    );
    expect(stdout.split('started').length - 1).toBeLessThan(30);
  });

  it('runs Node.js with the default limits', async () => {
    const { run, workspace } = await startSandboxedAgent(owner);
    const node = putNode(workspace);
    const script =
      'new (require("worker_threads").Worker)("1", { eval: true }).on("exit", () => console.log("ran"))';
    expect((await run(`${node} -e '${script}'`)).stdout).toBe('ran\n');
  });
});
