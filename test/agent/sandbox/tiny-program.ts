// A static program for x86-64 that makes one system call like a 32-bit program (`int 0x80`), and exits with 0 if the
// call returns.

const code = Buffer.from([
  ...[0xb8, 20, 0, 0, 0], // mov eax, 20: getpid for 32-bit programs
  ...[0xcd, 0x80], // int 0x80
  ...[0xb8, 60, 0, 0, 0], // mov eax, 60: exit for 64-bit programs
  ...[0x31, 0xff], // xor edi, edi
  ...[0x0f, 0x05], // syscall
]);

const base = 0x400000n;
const headerBytes = 64 + 56;

function makeElf(): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.write('\x7fELF', 'latin1');
  header.set([2, 1, 1], 4); // 64 bits, little-endian, version 1
  header.writeUInt16LE(2, 16); // an executable
  header.writeUInt16LE(0x3e, 18); // x86-64
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(base + BigInt(headerBytes), 24); // where it begins
  header.writeBigUInt64LE(64n, 32); // program headers follow
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(1, 56);
  const size = BigInt(headerBytes + code.length);
  header.writeUInt32LE(1, 64); // one segment to load,
  header.writeUInt32LE(5, 68); // readable and executable
  header.writeBigUInt64LE(base, 80);
  header.writeBigUInt64LE(base, 88);
  header.writeBigUInt64LE(size, 96);
  header.writeBigUInt64LE(size, 104);
  header.writeBigUInt64LE(0x1000n, 112);
  return Buffer.concat([header, code]);
}

export const exitsAfterOldCall: Buffer = makeElf();
