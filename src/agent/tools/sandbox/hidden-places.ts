// Places that a command in the sandbox must not see: where other programs listen on Unix sockets, and where credentials
// are usually kept. `~` is the home folder. docs/sandbox.md lists both. The setting `sandboxHide` adds places,
// `sandboxShow` removes them.

/**
 * Folders of which each command gets an empty one of its own: the real ones hold sockets of X11, tmux, ssh-agent and
 * editors.
 */
export const privateFolders: readonly string[] = ['/tmp', '/var/tmp'];

/** Folders with sockets of services, containers and agents. */
export const socketFolders: readonly string[] = [
  '/run',
  '/var/run',
  '/var/lib/mysql',
  '/var/lib/lxd',
  '/var/lib/incus',
  '/var/snap/lxd',
  '/var/snap/docker',
  '/mnt/wslg',
  '~/.colima',
  '~/.lima',
  '~/.orbstack',
  '~/.rd',
  '~/.1password',
];

/** Private keys, tokens and passwords, by the program that keeps them. */
export const credentialPlaces: Readonly<Record<string, readonly string[]>> = {
  SSH: ['~/.ssh'],
  GnuPG: ['~/.gnupg'],
  Git: ['~/.git-credentials', '~/.config/git/credentials'],
  'GitHub and GitLab': ['~/.config/gh', '~/.config/hub', '~/.config/glab-cli', '~/.config/github-copilot'],
  'cloud providers': [
    '~/.aws',
    '~/.azure',
    '~/.boto',
    '~/.config/doctl',
    '~/.config/gcloud',
    '~/.config/hcloud',
    '~/.config/rclone',
    '~/.fly',
    '~/.oci',
    '~/.s3cfg',
  ],
  containers: ['~/.docker', '~/.kube', '~/.config/containers', '~/.config/helm/registry'],
  'infrastructure tools': [
    '~/.terraform.d',
    '~/.terraformrc',
    '~/.vault-token',
    '~/.pulumi/credentials.json',
  ],
  'package registries': [
    '~/.bundle/config',
    '~/.cargo/credentials',
    '~/.cargo/credentials.toml',
    '~/.composer/auth.json',
    '~/.config/composer/auth.json',
    '~/.config/pypoetry/auth.toml',
    '~/.gem/credentials',
    '~/.gradle/gradle.properties',
    '~/.m2/settings.xml',
    '~/.m2/settings-security.xml',
    '~/.npmrc',
    '~/.nuget/NuGet/NuGet.Config',
    '~/.pypirc',
    '~/.yarnrc.yml',
  ],
  'network passwords': ['~/.netrc', '~/.authinfo', '~/.authinfo.gpg', '~/.msmtprc', '~/.config/msmtp'],
  databases: ['~/.pgpass', '~/.my.cnf', '~/.mylogin.cnf', '~/.mongorc.js'],
  'password managers': [
    '~/.password-store',
    '~/.config/op',
    '~/.config/Bitwarden CLI',
    '~/.local/share/keyrings',
  ],
  browsers: [
    '~/.mozilla',
    '~/.thunderbird',
    '~/.config/BraveSoftware',
    '~/.config/chromium',
    '~/.config/google-chrome',
    '~/.config/microsoft-edge',
  ],
  'coding agents': [
    '~/.claude',
    '~/.claude.json',
    '~/.codex',
    '~/.gemini',
    '~/.config/opencode',
    '~/.local/share/opencode',
  ],
  'shell histories': [
    '~/.bash_history',
    '~/.zsh_history',
    '~/.local/share/fish/fish_history',
    '~/.node_repl_history',
    '~/.psql_history',
    '~/.python_history',
  ],
};

/** Files of /proc that show root the kernel or keys of others. */
export const maskedKernelFiles: readonly string[] = [
  '/proc/kcore',
  '/proc/keys',
  '/proc/key-users',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/timer_list',
];
