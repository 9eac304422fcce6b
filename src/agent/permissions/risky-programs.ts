// Programs that look harmless but whose options or operands run other programs or write files. Used for warnings about
// allow rules. Sources: the programs' manual pages and GTFOBins (https://gtfobins.github.io). The entries for git and
// some others were tried out.

export interface RiskyProgram {
  readonly programs: string;
  readonly why: string;
}

const table: readonly RiskyProgram[] = [
  {
    programs: 'git',
    why: 'runs programs of its configuration; --output, -c, --ext-diff and --upload-pack write files or run programs',
  },
  { programs: 'find fd', why: '-exec and -ok run programs; -delete and -fprint write' },
  { programs: 'tar', why: '--checkpoint-action, --to-command and -I run programs; it writes files' },
  {
    programs: 'npm npx yarn pnpm bun bunx',
    why: 'run scripts of package.json and install packages that run code',
  },
  {
    programs: 'node deno tsx ts-node python python2 python3 perl ruby php lua Rscript julia',
    why: 'run any code in their arguments',
  },
  {
    programs: 'sh bash dash zsh ksh fish busybox eval source .',
    why: 'run any command in their arguments',
  },
  {
    programs:
      'env xargs nice nohup timeout time watch script sudo doas su setsid stdbuf strace parallel flock',
    why: 'run the command in their arguments',
  },
  { programs: 'ssh scp sftp rsync', why: '-o, -e, -S and -F run programs, also on other machines' },
  { programs: 'sed', why: 'its commands e and w run programs and write; -i changes files' },
  { programs: 'awk gawk mawk', why: 'system(), pipes and > run programs and write' },
  { programs: 'sort', why: '--compress-program runs a program; -o writes' },
  {
    programs: 'uniq xxd split csplit shuf iconv patch dd tee tree base64 openssl',
    why: 'write the file that an operand or option names',
  },
  { programs: 'curl wget', why: '-o, -O, -K and -c write files; they send what they read' },
  { programs: 'zip unzip 7z gzip cpio ar', why: 'write files; zip -TT runs a program' },
  { programs: 'make cmake ninja just rake gradle mvn bazel', why: 'run the recipes of their files' },
  {
    programs: 'cargo go dotnet swift',
    why: 'run build scripts, tests and programs; -exec and -toolexec run others',
  },
  {
    programs: 'docker podman kubectl helm terraform tofu ansible ansible-playbook vagrant',
    why: 'run programs with other rights, here or elsewhere',
  },
  { programs: 'vim vi nvim emacs nano ed ex less more man', why: 'can run commands and write files' },
  { programs: 'rg', why: '--pre and --hostname-bin run programs' },
  { programs: 'gh glab', why: 'run extensions and aliases, and change what is on the server' },
  {
    programs: 'pip pip3 uv poetry gem bundle composer brew apt apt-get dnf yum',
    why: 'install packages that run code',
  },
  {
    programs: 'pytest jest vitest mocha eslint prettier tsc webpack vite',
    why: 'run the code of configuration and test files',
  },
  { programs: 'mysql psql sqlite3 gdb', why: 'their commands can run programs and write files' },
];

const reasons: ReadonlyMap<string, string> = new Map(
  table.flatMap(({ programs, why }) => programs.split(' ').map((program) => [program, why] as const)),
);

/** Undefined for a program that is not in the table. */
export function riskOf(program: string): string | undefined {
  return reasons.get(program.slice(program.lastIndexOf('/') + 1));
}
