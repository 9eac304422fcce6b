// A small assembler for classic BPF, the language of seccomp filters. A program is a list of instructions that either
// return or continue with the next one. A condition guards the block after it, so there are no labels.

/** One `struct sock_filter`: operation, offsets of the two jumps, operand. */
export interface Instruction {
  readonly code: number;
  readonly ifTrue: number;
  readonly ifFalse: number;
  readonly operand: number;
}

export type Block = readonly Instruction[];

const operations = {
  /** BPF_LD | BPF_W | BPF_ABS: 32 bits of `struct seccomp_data` into the accumulator. */
  load: 0x20,
  /** BPF_JMP | BPF_K, with BPF_JEQ, BPF_JGE and BPF_JSET. */
  jumpIfEqual: 0x15,
  jumpIfAtLeast: 0x35,
  jumpIfAnyBit: 0x45,
  /** BPF_RET | BPF_K */
  return: 0x06,
} as const;

/** The longest block that a condition can skip: a jump has eight bits. */
const maxSkip = 255;

export function load(offset: number): Block {
  return [{ code: operations.load, ifTrue: 0, ifFalse: 0, operand: offset }];
}

export function giveBack(action: number): Block {
  return [{ code: operations.return, ifTrue: 0, ifFalse: 0, operand: action }];
}

export function ifEqual(value: number, block: Block): Block {
  return guard(operations.jumpIfEqual, value, block);
}

export function ifAtLeast(value: number, block: Block): Block {
  return guard(operations.jumpIfAtLeast, value, block);
}

export function ifAnyBit(mask: number, block: Block): Block {
  return guard(operations.jumpIfAnyBit, mask, block);
}

export function unlessEqual(value: number, block: Block): Block {
  checkLength(block);
  return [{ code: operations.jumpIfEqual, ifTrue: block.length, ifFalse: 0, operand: value }, ...block];
}

function guard(code: number, operand: number, block: Block): Block {
  checkLength(block);
  return [{ code, ifTrue: 0, ifFalse: block.length, operand }, ...block];
}

function checkLength(block: Block): void {
  if (block.length > maxSkip) throw new RangeError(`a block of ${block.length} BPF instructions is too long`);
}

/** The bytes that the kernel reads, little-endian: 8 for each instruction. */
export function assemble(program: Block): Buffer {
  const bytes = Buffer.alloc(program.length * 8);
  for (const [index, { code, ifTrue, ifFalse, operand }] of program.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(ifTrue, index * 8 + 2);
    bytes.writeUInt8(ifFalse, index * 8 + 3);
    bytes.writeUInt32LE(operand, index * 8 + 4);
  }
  return bytes;
}
