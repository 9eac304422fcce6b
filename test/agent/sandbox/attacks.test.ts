// Attacks that a command in the sandbox must not succeed with, tried with the real bubblewrap. They do no harm if they
// succeed: files are opened for writing and closed, permissions are set to their current value.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { waitFor } from '../../wait-for.ts';
import { temporaryFolder } from '../start-agent.ts';
import { hasBubblewrap, isRoot, owners, startSandboxedAgent } from './real-bubblewrap.ts';
import { exitsAfterOldCall } from './tiny-program.ts';

/** Prints `broken` if the command succeeds. */
const tries = (command: string): string => `if (${command}) >/dev/null 2>&1; then echo broken; fi`;

/** Each prints nothing if the sandbox works. */
const shellAttacks: Readonly<Record<string, string>> = {
  'open core_pattern for writing': tries(': >> /proc/sys/kernel/core_pattern'),
  'open drop_caches for writing': tries(': >> /proc/sys/vm/drop_caches'),
  'open ip_forward for writing': tries(': >> /proc/sys/net/ipv4/ip_forward'),
  'open sysrq-trigger for writing': tries(': >> /proc/sysrq-trigger'),
  'open a pressure file for writing': tries(': >> /proc/pressure/memory'),
  'open uevent_helper for writing': tries(': >> /sys/kernel/uevent_helper'),
  'write any other file of /proc or /sys':
    'find /proc /sys -writable -type f -not -path "/proc/[0-9]*" -not -path "/proc/self/*" -not -path "/proc/thread-self/*" 2>/dev/null | while read -r f; do (: >> "$f") 2>/dev/null && echo "$f"; done',
  'write a file of its own process in /proc': tries(': >> /proc/self/oom_score_adj'),
  'open system files for writing': tries(': >> /etc/passwd || : >> /usr/bin/env || : >> /etc/hosts'),
  'make files beside the workspace': tries('touch ../beside /run/x /dev/x /x'),
  'change the permissions of a file of /proc': tries('chmod "$(stat -c %a /proc/cpuinfo)" /proc/cpuinfo'),
  'change the permissions of a device': tries('chmod "$(stat -c %a /dev/null)" /dev/null'),
  'remount the root writable': tries('mount -o remount,rw,bind /'),
  'mount something': tries('mount -t tmpfs tmpfs /mnt'),
  'unmount what hides /run': tries('umount -l /run || umount /run'),
  'change the root': tries('chroot / true'),
  'make a user namespace': tries('unshare --user true || unshare --map-root-user true'),
  'make other namespaces': tries('unshare --mount true || unshare --net true || unshare --pid true'),
  'enter a namespace': tries('nsenter --target 1 --mount true'),
  'start another bubblewrap': tries('bwrap --ro-bind / / true'),
  'make a device node': tries('mknod disk b 8 0'),
  'reach disks, memory and hypervisors':
    'ls /dev | grep -E "^(mem|kmem|port|kmsg|kvm|fuse|loop|sd|vd|nvme|vsock|vhost|dri|input|mapper)"',
  'read the password hashes': 'cat /etc/shadow /etc/gshadow 2>/dev/null',
  'read kernel memory and keys': 'cat /proc/kcore /proc/keys /proc/kmsg 2>/dev/null | head -c 100',
  'use the terminal': tries(': > /dev/tty'),
  'see other processes': 'ls -d /proc/[0-9]* | wc -l | grep -vE "^[0-9]$"',
  'reach the network': 'tail -n +3 /proc/net/dev | grep -v " lo:"',
  'have a capability': 'grep -E "^Cap(Inh|Prm|Eff|Bnd|Amb)" /proc/self/status | grep -v 0000000000000000',
  'get new privileges': 'grep NoNewPrivs /proc/self/status | grep -v 1$',
  'run without the filter': 'grep "^Seccomp:" /proc/self/status | grep -v 2$',
  'find files of the server open':
    'ls -l /proc/self/fd /proc/$$/fd | grep -E "socket:|anon_inode:" | grep -vE " [012] -> "',
};

const attachToFirst = 'ptrace(16, 1, 0, 0)';

/** Numbers for x86-64 and arm64; undefined: no such call. Zeros are harmless arguments. */
const calls: readonly (readonly [name: string, x64: string, arm64: string | undefined, errno: number])[] = [
  ['keyctl(GET_KEYRING_ID)', '250, 0, -3, 0', '219, 0, -3, 0', 1],
  ['keyctl(READ)', '250, 11, -3, 0, 0', '219, 11, -3, 0, 0', 1],
  ['add_key', '248, 0, 0, 0, 0, 0', '217, 0, 0, 0, 0, 0', 1],
  ['request_key', '249, 0, 0, 0, 0', '218, 0, 0, 0, 0', 1],
  ['io_uring_setup', '425, 1, 0', '425, 1, 0', 1],
  ['io_uring_enter', '426, -1, 0, 0, 0, 0, 0', '426, -1, 0, 0, 0, 0, 0', 1],
  [attachToFirst, '101, 16, 1, 0, 0', '117, 16, 1, 0, 0', 1],
  ['ptrace(SEIZE)', '101, 0x4206, 1, 0, 0', '117, 0x4206, 1, 0, 0', 1],
  ['process_vm_readv', '310, 1, 0, 0, 0, 0, 0', '270, 1, 0, 0, 0, 0, 0', 1],
  ['process_vm_writev', '311, 1, 0, 0, 0, 0, 0', '271, 1, 0, 0, 0, 0, 0', 1],
  ['pidfd_getfd', '438, -1, 0, 0', '438, -1, 0, 0', 1],
  ['bpf', '321, 0, 0, 0', '280, 0, 0, 0', 1],
  ['perf_event_open', '298, 0, 0, -1, -1, 0', '241, 0, 0, -1, -1, 0', 1],
  ['userfaultfd', '323, 0', '282, 0', 1],
  ['setns', '308, -1, 0', '268, -1, 0', 1],
  ['unshare(NEWUSER)', '272, 0x10000000', '97, 0x10000000', 1],
  ['clone(NEWUSER)', '56, 0x10000011, 0, 0, 0, 0', '220, 0x10000011, 0, 0, 0, 0', 1],
  ['clone3', '435, 0, 0', '435, 0, 0', 38],
  ['open_by_handle_at', '304, -1, 0, 0', '265, -1, 0, 0', 1],
  ['fsopen', '430, 0, 0', '430, 0, 0', 1],
  ['open_tree', '428, -1, 0, 0', '428, -1, 0, 0', 1],
  ['syslog', '103, 10, 0, 0', '116, 10, 0, 0', 1],
  ['ioctl(TIOCSTI)', '16, 0, 0x5412, 0', '29, 0, 0x5412, 0', 1],
  ['ioctl(TIOCSTI) with high bits', '16, 0, 0xf00005412, 0', '29, 0, 0xf00005412, 0', 1],
  ['ioctl(TIOCLINUX)', '16, 0, 0x541c, 0', '29, 0, 0x541c, 0', 1],
  ['socket(AF_VSOCK)', '41, 40, 1, 0', '198, 40, 1, 0', 97],
  ['socket(AF_ALG)', '41, 38, 5, 0', '198, 38, 5, 0', 97],
  ['socket(AF_PACKET)', '41, 17, 3, 0', '198, 17, 3, 0', 97],
  ['socket(AF_BLUETOOTH)', '41, 31, 1, 0', '198, 31, 1, 0', 97],
  ['getpid as x32', '0x40000027', undefined, 38],
  ['keyctl as x32', '0x400000fa, 0, -3, 0', undefined, 38],
];

function hasPerl(): boolean {
  try {
    execFileSync('perl', ['-e', '1'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(!hasBubblewrap).each(owners)('a command in a workspace of %s cannot', (owner) => {
  it('escape, change the system, or see more than it should', async () => {
    const { run } = await startSandboxedAgent(owner);
    for (const [what, attack] of Object.entries(shellAttacks))
      expect
        .soft(await run(attack), what)
        .toMatchObject({ stdout: '', sandbox: 'bubblewrap', timedOut: false });
  });

  it('unmount what hides a folder of the server', async () => {
    const hidden = temporaryFolder();
    writeFileSync(join(hidden, 'api-key'), 'secret');
    const { run } = await startSandboxedAgent(owner, {}, { ownFiles: [hidden] });
    const command = `umount -l ${hidden}; umount -l /tmp; mount -o remount,rw,bind /; cat ${hidden}/api-key`;
    expect((await run(command)).stdout).toBe('');
  });

  // perl is part of Debian's base system. Without it, only seccomp-filter.test.ts tests the filter.
  it.skipIf(!hasPerl())('make system calls that namespaces do not cover', async () => {
    const { run, write } = await startSandboxedAgent(owner);
    const lines = calls.flatMap(([name, x64, arm64]) => {
      const args = process.arch === 'x64' ? x64 : arm64;
      // Each in its own process: one that succeeds in creating a namespace must not affect the next.
      return args === undefined
        ? []
        : [
            `unless (fork) { $! = 0; my $r = syscall(${args}); printf "%s: %d\\n", '${name}', $r < 0 ? $! : 0; exit 0 } wait;`,
          ];
    });
    write('calls.pl', `$| = 1;\n${lines.join('\n')}\n`);
    const { stdout } = await run('perl calls.pl');
    const wanted = calls
      .filter(([, , arm64]) => process.arch === 'x64' || arm64 !== undefined)
      .map(([name, , , errno]) => `${name}: ${errno}`);
    expect(stdout.trim().split('\n')).toEqual(wanted);
  });

  it.skipIf(process.arch !== 'x64')('make system calls by the numbers of 32-bit programs', async () => {
    const { run, write } = await startSandboxedAgent(owner);
    write('old', exitsAfterOldCall);
    // 128 + SIGSYS; 0 if the call went through.
    expect((await run('cp old new; chmod +x new; ./new')).exitCode).toBe(159);
  });

  it('leave a process behind that outlives it', async () => {
    const { run } = await startSandboxedAgent(owner);
    const mark = `mark-${Math.random().toString(36).slice(2)}`;
    await run(
      `setsid sh -c 'touch started; sleep 600; : ${mark}' >/dev/null 2>&1 & while [ ! -e started ]; do sleep 0.01; done`,
    );
    await waitFor('its end', () => !execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).includes(mark));
  });
});

describe.skipIf(!hasBubblewrap || !isRoot)('a server that runs as root', () => {
  it('starts commands as the owner of the workspace, who can write it', async () => {
    const { run, workspace } = await startSandboxedAgent('an ordinary user');
    expect((await run('id -u; id -G; touch made; stat -c %u made; echo $HOME')).stdout.split('\n')).toEqual([
      '65534',
      '65534',
      '65534',
      expect.not.stringMatching(/^\/root/),
      '',
    ]);
    expect(workspace).not.toBe('');
  });

  it('drops its supplementary groups for commands in its own workspace', async () => {
    const { run } = await startSandboxedAgent('our own');
    expect((await run('id -G')).stdout).toBe('0\n');
  });
});
