// The system calls that a command in the sandbox may not make. Namespaces and dropped capabilities already stop most of
// what they could do. The filter stops what namespaces leave open (keyrings, AF_VSOCK, io_uring, tracing, terminals),
// and is a second barrier for the rest.

import {
  assemble,
  type Block,
  giveBack,
  ifAnyBit,
  ifAtLeast,
  ifEqual,
  load,
  unlessEqual,
} from './bpf-program.ts';
import { type SystemCall, systemCalls } from './system-calls.ts';

/** Processors with a filter, as `process.arch` names them. */
export type FilterArchitecture = 'x64' | 'arm64';

export const filterArchitectures: readonly FilterArchitecture[] = ['x64', 'arm64'];

/** AUDIT_ARCH_X86_64 and AUDIT_ARCH_AARCH64. */
const auditArchitectures = { x64: 0xc000003e, arm64: 0xc00000b7 } as const;

/**
 * Offsets in `struct seccomp_data`. Of an argument, the low 32 bits: the kernel reads no more of those inspected here.
 */
const offsets = { number: 0, architecture: 4, argument: (index: number) => 16 + 8 * index } as const;

const errors = { EPERM: 1, ENOSYS: 38, EAFNOSUPPORT: 97 } as const;
const allow = giveBack(0x7fff_0000);
const killProcess = giveBack(0x8000_0000);
const fail = (error: number): Block => giveBack(0x0005_0000 | error);

/** These calls always fail with EPERM. */
const refused: readonly SystemCall[] = [
  // Keyrings are not in a namespace: the command would have the server's session keyring.
  ...(['add_key', 'request_key', 'keyctl'] as const),
  // io_uring opens files and sockets past any filter.
  ...(['io_uring_setup', 'io_uring_enter', 'io_uring_register'] as const),
  // Attaching to the sandbox's first process would stop it for good.
  ...(['ptrace', 'process_vm_readv', 'process_vm_writev', 'kcmp', 'pidfd_getfd'] as const),
  ...(['bpf', 'perf_event_open', 'userfaultfd', 'lookup_dcookie', 'syslog'] as const),
  ...(['init_module', 'finit_module', 'delete_module', 'kexec_load', 'kexec_file_load'] as const),
  ...([
    'reboot',
    'iopl',
    'ioperm',
    'acct',
    'quotactl',
    'quotactl_fd',
    'swapon',
    'swapoff',
    'vhangup',
  ] as const),
  ...(['mount', 'umount2', 'pivot_root', 'chroot', 'setns', 'open_tree', 'move_mount'] as const),
  ...(['fsopen', 'fsconfig', 'fsmount', 'fspick', 'mount_setattr', 'open_tree_attr'] as const),
  ...(['open_by_handle_at', 'fanotify_init'] as const),
];

/** TIOCSTI and TIOCLINUX type characters into a terminal. */
const refusedTerminalRequests: readonly number[] = [0x5412, 0x541c];

/**
 * AF_UNIX, AF_INET, AF_INET6, AF_NETLINK. Others are outside the network namespace (AF_VSOCK to a hypervisor) or attack
 * surface (AF_ALG).
 */
const allowedSocketFamilies: readonly number[] = [1, 2, 10, 16];

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const newNamespaces = 0x7e02_0000;
/** For `unshare` only: in the flags of `clone`, the low byte is a signal. */
const newTimeNamespace = 0x80;

/** The first number of x32, the 32-bit interface of x86-64, which has its own number for each call. */
const firstX32Call = 0x4000_0000;

/** The filter in the form that bubblewrap reads from `--seccomp`. */
export function makeSeccompFilter(architecture: FilterArchitecture): Buffer {
  const when = (call: SystemCall, block: Block): Block => {
    const number = systemCalls[call][architecture];
    return number === undefined ? [] : ifEqual(number, block);
  };
  return assemble([
    // A 32-bit program has other numbers, so the rules below would not apply to it.
    ...load(offsets.architecture),
    ...unlessEqual(auditArchitectures[architecture], killProcess),
    ...load(offsets.number),
    ...(architecture === 'x64' ? ifAtLeast(firstX32Call, fail(errors.ENOSYS)) : []),
    ...refused.flatMap((call) => when(call, fail(errors.EPERM))),
    // Its flags are in memory, which a filter cannot read. ENOSYS makes the C library use `clone`.
    ...when('clone3', fail(errors.ENOSYS)),
    ...when('clone', [
      ...load(offsets.argument(0)),
      ...ifAnyBit(newNamespaces, fail(errors.EPERM)),
      ...allow,
    ]),
    ...when('unshare', [
      ...load(offsets.argument(0)),
      ...ifAnyBit(newNamespaces | newTimeNamespace, fail(errors.EPERM)),
      ...allow,
    ]),
    ...when('ioctl', [
      ...load(offsets.argument(1)),
      ...refusedTerminalRequests.flatMap((request) => ifEqual(request, fail(errors.EPERM))),
      ...allow,
    ]),
    ...when('socket', [
      ...load(offsets.argument(0)),
      ...allowedSocketFamilies.flatMap((family) => ifEqual(family, allow)),
      ...fail(errors.EAFNOSUPPORT),
    ]),
    ...allow,
  ]);
}
