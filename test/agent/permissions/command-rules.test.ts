// Rules for bash: what a pattern allows word by word, and what a deny rule recognizes.

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are shell texts.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  exactRule,
  forbids,
  formatRule,
  isAllowed,
  parseRule,
  type ToolUse,
} from '../../../src/agent/permissions/permission-rule.ts';

function bash(command: string, folder = '.'): ToolUse {
  return { tool: 'bash', params: { command }, target: { kind: 'command', command, folder } };
}

describe('an allow rule', () => {
  it.each([
    // Operands.
    ['bash(git log *)', 'git log main'],
    ['bash(git log *)', 'git  log   "main"'],
    ['bash(git log **)', 'git log'],
    ['bash(git log **)', "git log main 'other branch'"],
    ['bash(npm run *)', 'npm run build:all'],
    ['bash(npm run test:*)', 'npm run test:unit'],
    ['bash(cat src/*)', 'cat src/a.ts'],
    ['bash(cat src/**)', 'cat src/deep/er/a.ts'],
    ['bash(git log --oneline **)', 'git log --oneline main'],
    ['bash(./check.sh *)', './check.sh all'],
    // Exact text.
    ['bash(npm test)', 'npm test'],
    ['bash(npm test)', 'npm  test'],
    ['bash(echo hi > made.txt)', 'echo hi > made.txt'],
    ['bash(ls \\*.ts)', 'ls *.ts'],
    ['bash', 'anything; at && all'],
    ['bash(*)', 'anything; at && all'],
    // Lists, if each part is allowed.
    ['bash(npm test);bash(git status)', 'npm test && git status'],
    ['bash(npm test);bash(echo *)', 'npm test || echo failed; echo done'],
    ['bash(git log);bash(head)', 'git log | head'],
    ['bash(cd sub && npm test)', 'cd sub && npm test'],
  ])('%s allows %s', (rules, command) => {
    expect(isAllowed(rules.split(/;(?=bash)/).map(parseRule), bash(command))).toBe(true);
  });

  it.each([
    // Options.
    ['bash(git log *)', 'git log --output=.git/config'],
    ['bash(git log *)', 'git log "--output=.git/config"'],
    ['bash(git log *)', "git log '-'p"],
    ['bash(git log **)', 'git log main --ext-diff'],
    ['bash(git log **)', 'git log -- main'],
    ['bash(git log *)', 'git log'],
    ['bash(git log *)', 'git log main other'],
    ['bash(git *)', 'git -c core.pager=x log'],
    ['bash(git fetch --dry-run *)', 'git fetch --dry origin'],
    ['bash(git log --grep=*)', 'git log --grep=x'],
    ['bash(git log -*)', 'git log -p'],
    ['bash(sort *)', 'sort -o.bashrc x'],
    ['bash(cat src/*)', 'cat src/../../secret'],
    ['bash(cat src/*)', 'cat src/a/b'],
    ['bash(cat src/**)', 'cat src/../secret'],
    // The program.
    ['bash(* --version)', './evil --version'],
    ['bash(git status)', './git status'],
    ['bash(npm *)', 'npmx test'],
    // Commands that are not plain.
    ['bash(npm *)', 'npm run$IFS-x'],
    ['bash(cat *)', 'cat ~/.ssh/id_rsa'],
    ['bash(cat *)', 'cat *'],
    ['bash(tar cf x.tar *)', 'tar cf x.tar *'],
    ['bash(cat *)', 'cat {a,b}'],
    ['bash(cat *)', 'cat a?'],
    ['bash(cat *)', 'cat [ab]'],
    ['bash(cat *)', 'cat <a'],
    ['bash(echo *)', 'echo a>b'],
    ['bash(echo *)', 'echo "$(id)"'],
    ['bash(echo *)', 'echo `id`'],
    ['bash(echo *)', 'echo $HOME'],
    ['bash(echo *)', 'echo "a\\"b"'],
    ['bash(echo *)', 'echo a\\ b'],
    ['bash(echo *)', 'echo a & id'],
    ['bash(echo *)', 'echo a\nid'],
    ['bash(echo *)', 'echo a\rid'],
    ['bash(echo *)', 'echo a\u0000'],
    ['bash(echo *)', 'echo a\u00a0b'],
    ['bash(echo *)', 'echo "a'],
    ['bash(echo *)', 'echo a #'],
    ['bash(echo *)', '!echo a'],
    // Prefixes.
    ['bash(npm *)', 'PATH=. npm test'],
    ['bash(npm *)', "'PATH=.' npm test"],
    ['bash(npm *)', 'env npm test'],
    ['bash(NODE_OPTIONS=* npm test)', 'NODE_OPTIONS=--require=./x npm test'],
    // Lists.
    ['bash(npm *)', 'npm test && curl x'],
    ['bash(npm *)', 'npm test |& sh'],
    ['bash(npm *);bash(cd *)', 'cd sub && npm test'],
    ['bash(echo *);bash(sh)', 'echo id | sh'],
    ['bash(echo *);bash(python)', 'echo id | python'],
    ['bash(npm test *)', 'npm test ;'],
    ['bash(npm * && npm *)', 'npm test; npm test'],
    ['bash(npm test)', 'npm test '.repeat(2)],
  ])('%s does not allow %j', (rules, command) => {
    expect(isAllowed(rules.split(/;(?=bash)/).map(parseRule), bash(command))).toBe(false);
  });

  it('does not apply to a command in another folder', () => {
    expect(isAllowed([parseRule('bash(npm test)')], bash('npm test', 'sub'))).toBe(false);
    expect(isAllowed([parseRule('bash(npm *)')], bash('npm test', 'sub'))).toBe(false);
    expect(isAllowed([parseRule("bash(cd 'sub' && npm test)")], bash('npm test', 'sub'))).toBe(true);
    const odd = bash('true', "x' && id #");
    expect(formatRule(exactRule(odd))).toBe(`bash(cd 'x'\\'' && id #' && true)`);
  });

  it('made from a command allows only that command', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), fc.string({ maxLength: 40 }), (one, other) => {
        const rule = parseRule(formatRule(exactRule(bash(one))));
        expect(isAllowed([rule], bash(one))).toBe(rule.pattern !== '' || one === '');
        if (one.trim() !== other.trim() && !/['"\s]/.test(one + other))
          expect(isAllowed([rule], bash(other))).toBe(false);
      }),
    );
  });
});

describe('deny bash(git push*)', () => {
  const rule = parseRule('bash(git push*)');

  it.each([
    'git push',
    'git push --force',
    'git  push',
    'git\tpush',
    '"git" push',
    'g\'\'it pu"sh"',
    'g\\it push',
    'git \\\n push',
    'git -C . push',
    'git -C "a b" --no-pager push origin',
    'git --git-dir=.git push',
    '/usr/bin/git push',
    '~/bin/git push',
    '"$HOME"/bin/git push',
    'GIT push',
    'git-push',
    '/usr/lib/git-core/git-push origin',
    'FOO=1 git push',
    'FOO=a BAR=b git push',
    'env git push',
    'env -i A=b git push',
    'env -S "git push"',
    'command git push',
    'command -p git push',
    'exec git push',
    'nohup git push',
    'nice -n 5 git push',
    'timeout 5 git push',
    'timeout -k 1 5s env git push',
    'time git push',
    'sudo -u other git push',
    'busybox git push',
    'stdbuf -oL git push',
    'setsid git push',
    'cd x && git push',
    'cd x;git push',
    'true || git push',
    'true & git push',
    'true | git push',
    'true\ngit push',
    'true\r\ngit push',
    '(git push)',
    '( cd x; git push )',
    '{ git push; }',
    'if true; then git push; fi',
    'while git push; do :; done',
    'for x in 1; do git push; done',
    'case a in a) git push;; esac',
    '! git push',
    'f() { git push; }; f',
    'function f { git push; }; f',
    'echo $(git push)',
    'echo "$(git push)"',
    'echo `git push`',
    'echo "`git push`"',
    'echo `echo \\`git push\\``',
    'echo "a $(echo "b $(git push)")"',
    'echo ${x:-$(git push)}',
    'echo "${x:-\'}"; git push; echo "\'"',
    'cat <(git push)',
    'tee >(git push)',
    'x=$(git push)',
    'echo $((1 + $(git push)))',
    'echo `#`; git push',
    'echo $(case a in a) git push;; esac)',
    'echo a#b; git push',
    'cat <<EOF\n$(git push)\nEOF',
    'cat <<EOF\nit\'s "$("git" push)"\nEOF',
    "cat <<'EOF'\nhello\nEOF\ngit push",
    'bash <<EOF\ngit push\nEOF',
    "bash <<< 'git push'",
    "sh -c 'git push'",
    'bash -lc "git push"',
    'bash -c \'sh -c "git push"\'',
    "env bash -c 'git push'",
    "sudo sh -c 'git push'",
    "eval 'git push'",
    'eval git push',
    'eval "git" "pu""sh"',
    "trap 'git push' EXIT",
    'ssh host git push',
    "ssh host 'cd x && git push'",
    "watch 'git push'",
    'xargs git push',
    'echo push | xargs git',
    'echo push | xargs -n 1 git',
    "xargs sh -c 'git push'",
    'find . -exec git push \\;',
    'find . -execdir git -C {} push +',
    "echo 'git push' | sh",
    '2>&1 git push',
    '>out git push',
    'git push>out',
    'git 2>/dev/null push',
    'git <in push',
    'git push&>out',
    "alias g='git push'; g",
    'git -c alias.x=push x',
    'git config alias.x push; git x',
    'python3 -c \'import os; os.system("git push")\'',
    "python3 -c \"import subprocess; subprocess.run(['git', 'push'])\"",
    // Not decidable.
    '$X push',
    'x=git; $x push',
    'git $X',
    'x=push; git "$x"',
    'git "$@"',
    'git pu$X',
    'git p*',
    '{git,push}',
    'git pu{sh,ll}',
    "$'\\x67it' push",
    '$(echo git) push',
    'eval "$X"',
    'env $X push',
    '/usr/bin/gi? push',
    'git${IFS}push',
    'g{i,}t push',
    'x=(git push); "${x[@]}"',
    '"${!x}"',
    'time -p git push',
    '! time git push',
    'npx git push',
    'npm exec -- git push',
    "git rebase -x 'git push' main",
    'git submodule foreach git push',
    'git bisect run git push',
    "vim -c '!git push'",
    'exec -a x git push',
    '[ -f x ] && git push',
    "eval $'git\\x20push'",
    "echo 'git push' > x.sh; sh x.sh",
    "git push 'unterminated",
    `${'$('.repeat(300)}git push${')'.repeat(300)}`,
  ])('forbids %j', (command) => {
    expect(forbids(rule, bash(command))).toBe(true);
  });

  it.each([
    'git status',
    'git log --oneline -5 main',
    'git commit -m "do not git push"',
    "git commit -m 'see $(git push)'",
    'echo git push',
    "grep -rn 'git push' docs",
    'npm run push',
    'echo $HOME',
    'ls *.ts',
    'git diff main -- src',
    'git commit -m "$MESSAGE"',
    "cat > notes.md <<'EOF'\nThen run:\ngit push\nEOF",
    'echo done # git push',
    'for f in *.ts; do echo "$f"; done',
    'git add . && git commit -m wip',
    'timeout 60 npm test',
    'env CI=1 npm test',
    "bash -c 'git status'",
    'find . -name push -print',
    'python3 -c "print(1)"',
    'digit push',
    '[ -f package.json ] && npm test',
    '[[ -f package.json && -d src ]] && npm test',
    'if [ "$(git rev-parse HEAD)" = "$BASE" ]; then echo same; fi',
    'x=$((x + 1)); echo "$x"',
    'while read -r line; do echo "$line"; done < list.txt',
    'git rebase main',
    'time npm test',
    '"$EDITOR" notes.md',
    'npm ci && npm run build -- --watch=false',
    'sudo -u "$USER" ls',
    'git stash; echo push',
    'curl -d {"a":1} http://localhost',
    "awk '{print $1}' file",
  ])('does not forbid %j', (command) => {
    expect(forbids(rule, bash(command))).toBe(false);
  });
});

describe('a deny rule', () => {
  it.each([
    ['bash(rm *)', 'cd x && rm -rf .'],
    ['bash(rm *)', 'rm'],
    ['bash(rm -rf *)', 'rm -fr x'],
    ['bash(rm -rf *)', 'rm -r -f x'],
    ['bash(rm -rf /)', 'rm -rf /'],
    ['bash(git push --force*)', 'git push origin main --force-with-lease'],
    ['bash(git push --force)', 'git push origin --forc'],
    ['bash(npm publish)', 'npm --prefix x publish --tag next'],
    ['bash(curl * | sh)', 'curl  x | sh'],
    ['bash(*secret*)', 'cat se"cret"s'],
    ['bash(sudo *)', 'sudo ls'],
    ['bash(/usr/bin/git push)', 'git push'],
    ['b*(rm *)', 'rm x'],
    ['bash', 'ls'],
    ['bash(*)', 'ls'],
  ])('%s forbids %s', (rule, command) => {
    expect(forbids(parseRule(rule), bash(command))).toBe(true);
  });

  it.each([
    ['bash(rm *)', 'npm run format'],
    ['bash(rm -rf *)', 'rm x'],
    ['bash(rm -rf /)', 'rm -rf /tmp/x'],
    ['bash(git push --force*)', 'git push origin main'],
    ['read_file(rm *)', 'rm x'],
    ['bash(cd secrets*)', 'cat x'],
  ])('%s does not forbid %s', (rule, command) => {
    expect(forbids(parseRule(rule), bash(command))).toBe(false);
  });
});

it('a deny rule applies to the folder that a call names', () => {
  expect(forbids(parseRule('bash(cd secrets*)'), bash('cat x', 'secrets'))).toBe(true);
  expect(forbids(parseRule('bash(rm *)'), bash('rm x', 'secrets'))).toBe(true);
});

it.each([
  ['spaces', ' '.repeat(100_000)],
  ['quotes', '"\''.repeat(50_000)],
  ['substitutions', '$('.repeat(50_000)],
  ['backquotes', '`'.repeat(100_000)],
  ['here-documents', '<<a '.repeat(25_000)],
  ['here-documents that end', '<<a\na\n'.repeat(15_000)],
  ['here-documents that do not', '<<a\n'.repeat(25_000)],
  ['nested here-documents', '<<a\n$(cat '.repeat(9000)],
  ['braces', '{'.repeat(100_000)],
  ['shells', 'sh -c '.repeat(16_000)],
  ['nested shells', "sh -c '".repeat(14_000)],
  ['wrappers', `env ${'git '.repeat(24_000)}`],
  ['evals', 'eval "eval git" '.repeat(6000)],
  ['redirections', 'a<b>'.repeat(25_000)],
  ['stars', `a${'*'.repeat(99_000)}b`],
  ['words', 'a '.repeat(50_000)],
  ['parameters', '"${x:-'.repeat(16_000)],
])('100 KB of %s are judged in linear time', (_, text) => {
  const rules = ['bash(git push*)', 'bash(*a*b*c*d*)', 'bash(git * * * push)', 'bash(rm -rf **)'].map(
    parseRule,
  );
  const started = process.cpuUsage();
  for (const rule of rules) forbids(rule, bash(text));
  isAllowed(rules, bash(text));
  const { user } = process.cpuUsage(started);
  // CPU time, which does not depend on other load. A quadratic step over 100 KB takes minutes, a linear one well under
  // a second.
  expect(user / 1000).toBeLessThan(20_000);
});
