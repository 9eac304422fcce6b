// The system calls that a command in the sandbox may not make. Namespaces and lost capabilities stop most of what they could do; the filter
// is for what namespaces do not cover (keyrings, AF_VSOCK, io_uring, tracing, terminals), and a second line for the rest.

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

/** Processors that there is a filter for, as `process.arch` names them. */
export type FilterArchitecture = 'x64' | 'arm64';

export const filterArchitectures: readonly FilterArchitecture[] = ['x64', 'arm64'];

/** AUDIT_ARCH_X86_64 and AUDIT_ARCH_AARCH64. */
const auditArchitectures = { x64: 0xc000003e, arm64: 0xc00000b7 } as const;

/** `struct seccomp_data`; of an argument, the low 32 bits, which is all that the kernel reads of those looked at here. */
const offsets = { number: 0, architecture: 4, argument: (index: number) => 16 + 8 * index } as const;

const errors = { EPERM: 1, ENOSYS: 38, EAFNOSUPPORT: 97 } as const;
const allow = giveBack(0x7fff_0000);
const killProcess = giveBack(0x8000_0000);
const fail = (error: number): Block => giveBack(0x0005_0000 | error);

/** Always fail with EPERM. */
const refused: readonly SystemCall[] = [
  // Keyrings are not in a namespace: the session keyring of the server would be the command's.
  ...(['add_key', 'request_key', 'keyctl'] as const),
  // Opens files and sockets past any filter.
  ...(['io_uring_setup', 'io_uring_enter', 'io_uring_register'] as const),
  // Attaching to the sandbox's first process stops it for ever.
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

/** Type characters into a terminal: TIOCSTI and TIOCLINUX. */
const refusedTerminalRequests: readonly number[] = [0x5412, 0x541c];

/** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK. Others, as AF_VSOCK to a hypervisor or AF_ALG, are not bound to the network namespace, or are attack surface. */
const allowedSocketFamilies: readonly number[] = [1, 2, 10, 16];

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const newNamespaces = 0x7e02_0000;
/** For `unshare` alone: in the flags of `clone` the low byte is a signal. */
const newTimeNamespace = 0x80;

/** Where the numbers of x32 begin, the 32-bit interface of x86-64 that has another number for each call. */
const firstX32Call = 0x4000_0000;

/** The filter as bubblewrap reads it from `--seccomp`. */
export function makeSeccompFilter(architecture: FilterArchitecture): Buffer {
  const when = (call: SystemCall, block: Block): Block => {
    const number = systemCalls[call][architecture];
    return number === undefined ? [] : ifEqual(number, block);
  };
  return assemble([
    // A 32-bit program has other numbers, so nothing below would fit it.
    ...load(offsets.architecture),
    ...unlessEqual(auditArchitectures[architecture], killProcess),
    ...load(offsets.number),
    ...(architecture === 'x64' ? ifAtLeast(firstX32Call, fail(errors.ENOSYS)) : []),
    ...refused.flatMap((call) => when(call, fail(errors.EPERM))),
    // Its flags are in memory, which a filter cannot see. ENOSYS makes the C library use `clone`.
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
