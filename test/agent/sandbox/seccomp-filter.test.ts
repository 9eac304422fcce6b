// The filters for both processors, run by a small BPF interpreter: the kernel of this machine can run only one of them.

import { describe, expect, it } from 'vitest';
import { makeSeccompFilter } from '../../../src/agent/tools/sandbox/seccomp-filter.ts';

interface Call {
  readonly architecture: number;
  readonly number: number;
  readonly args?: readonly number[];
}

/** What the kernel would do: `allow`, `kill`, or the error number. */
function verdict(program: Buffer, { architecture, number, args = [] }: Call): 'allow' | 'kill' | number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number >>> 0, 0);
  data.writeUInt32LE(architecture, 4);
  args.forEach((value, index) => {
    data.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), 16 + 8 * index);
  });
  let accumulator = 0;
  for (let at = 0; at < program.length / 8; at++) {
    const code = program.readUInt16LE(at * 8);
    const operand = program.readUInt32LE(at * 8 + 4);
    const jump = (isTrue: boolean): void => {
      at += program.readUInt8(at * 8 + (isTrue ? 2 : 3));
    };
    if (code === 0x20) accumulator = data.readUInt32LE(operand);
    else if (code === 0x15) jump(accumulator === operand);
    else if (code === 0x35) jump(accumulator >= operand);
    else if (code === 0x45) jump((accumulator & operand) !== 0);
    else if (code === 0x06) {
      if (operand === 0x7fff_0000) return 'allow';
      if (operand === 0x8000_0000) return 'kill';
      return operand & 0xffff;
    } else throw new Error(`unknown operation ${code}`);
  }
  throw new Error('the program does not return');
}

const processors = { x64: 0xc000003e, arm64: 0xc00000b7 } as const;
/** i386, 32-bit ARM, and each other's. */
const others = { x64: [0x40000003, processors.arm64], arm64: [0x40000028, processors.x64] } as const;

type Row = readonly [
  what: string,
  x64: number | undefined,
  arm64: number | undefined,
  args: readonly number[],
  wanted: 'allow' | number,
];

const rows: readonly Row[] = [
  ['read', 0, 63, [0, 0, 1], 'allow'],
  ['execve', 59, 221, [], 'allow'],
  ['keyctl', 250, 219, [], 1],
  ['add_key', 248, 217, [], 1],
  ['request_key', 249, 218, [], 1],
  ['io_uring_setup', 425, 425, [], 1],
  ['ptrace', 101, 117, [], 1],
  ['process_vm_writev', 311, 271, [], 1],
  ['bpf', 321, 280, [], 1],
  ['perf_event_open', 298, 241, [], 1],
  ['mount', 165, 40, [], 1],
  ['clone3', 435, 435, [], 38],
  ['clone of a thread', 56, 220, [0x3d0f00], 'allow'],
  ['fork by clone', 56, 220, [0x01200011], 'allow'],
  ['clone(NEWUSER)', 56, 220, [0x10000011], 1],
  ['clone(NEWNS)', 56, 220, [0x00020011], 1],
  ['unshare(FILES)', 272, 97, [0x400], 'allow'],
  ['unshare(NEWNET)', 272, 97, [0x40000000], 1],
  ['unshare(NEWTIME)', 272, 97, [0x80], 1],
  ['ioctl(TCGETS)', 16, 29, [0, 0x5401], 'allow'],
  ['ioctl(TIOCSTI)', 16, 29, [0, 0x5412], 1],
  ['ioctl(TIOCSTI) with high bits', 16, 29, [0, 0xf_0000_5412], 1],
  ['ioctl(TIOCLINUX)', 16, 29, [0, 0x541c], 1],
  ['socket(AF_UNIX)', 41, 198, [1, 1], 'allow'],
  ['socket(AF_INET6)', 41, 198, [10, 1], 'allow'],
  ['socket(AF_NETLINK)', 41, 198, [16, 3], 'allow'],
  ['socket(AF_VSOCK)', 41, 198, [40, 1], 97],
  ['socket(AF_ALG)', 41, 198, [38, 5], 97],
  ['socketpair(AF_UNIX)', 53, 199, [1, 1], 'allow'],
  ['read as x32', 0x40000000, undefined, [], 38],
  ['keyctl as x32', 0x400000fa, undefined, [], 38],
];

describe.each(['x64', 'arm64'] as const)('the filter for %s', (processor) => {
  const program = makeSeccompFilter(processor);

  it('is a program that the kernel accepts', () => {
    expect(program.length % 8).toBe(0);
    expect(program.length / 8).toBeLessThan(4096);
  });

  it.each(rows)('%s', (_what, x64, arm64, args, wanted) => {
    const number = processor === 'x64' ? x64 : arm64;
    if (number === undefined) return;
    expect(verdict(program, { architecture: processors[processor], number, args })).toBe(wanted);
  });

  it('kills a program for another processor', () => {
    for (const architecture of others[processor])
      expect(verdict(program, { architecture, number: 0 })).toBe('kill');
  });
});
