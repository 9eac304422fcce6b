// The walls of docs/ARCHITECTURE.md, checked: who may import whom, and no circles. `events/` and `store/` contracts are seen by
// rooms that take a service as a parameter; type-only imports count as imports here.

const ours = (rooms) => `^src/(${rooms.join('|')})`;
// Leaves that every room may import: the error table and nothing else.
const leaves = [
  'text\\.ts',
  'errors\\.ts',
  'version\\.ts',
  'atomic-file\\.ts',
  'did-you-mean\\.ts',
  'redaction\\.ts',
  'identity-proof\\.ts',
  'file-errors\\.ts',
  'run-figures\\.ts',
  'home-paths\\.ts',
  'call-host\\.ts',
  'visible-text\\.ts',
  'without-trailing\\.ts',
];

/** A rule: files of `room` import, of our own code, only themselves, the leaves and `allowed`. */
function wall(room, allowed) {
  return {
    name: `room-${room.replace(/[^a-z]/g, '-')}`,
    comment: `${room} may import ${allowed.length > 0 ? allowed.join(', ') : 'nothing of ours'}`,
    severity: 'error',
    from: { path: `^src/${room}` },
    to: { path: '^src/', pathNot: ours([room, ...leaves, ...allowed]) },
  };
}

module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: { path: '^src/' }, to: { circular: true } },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-dev-dependency',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, path: '^src/', pathNot: '(^src/index\\.ts|\\.d\\.ts)$' },
      to: {},
    },
    {
      name: 'receivers-lazily',
      comment: 'every command would load them',
      severity: 'error',
      from: { path: '^src/cli/' },
      to: { path: '^src/receiver/', dynamic: false, dependencyTypesNot: ['type-only'] },
    },
    wall('errors\\.ts', []),
    wall('version\\.ts', []),
    wall('run-figures\\.ts', []),
    wall('redaction\\.ts', []),
    wall('identity-proof\\.ts', []),
    wall('file-errors\\.ts', []),
    wall('home-paths\\.ts', []),
    wall('call-host\\.ts', []),
    wall('visible-text\\.ts', []),
    wall('without-trailing\\.ts', []),
    wall('text\\.ts', []),
    wall('store/', []),
    wall('config/', []),
    wall('client/', ['events/(catalogue|schema-type)\\.ts']),
    wall('events/', ['store/']),
    wall('keys/', ['events/', 'store/']),
    wall('webhooks/', ['events/', 'store/']),
    wall('agent/', ['events/', 'store/']),
    wall('http/', ['events/']),
    wall('api/same-settings\\.ts', []),
    wall('api/rest-server\\.ts', ['http/', 'events/', 'api/same-settings\\.ts']),
    wall('api/(open-)?webhook', ['webhooks/', 'events/', 'store/', 'api/same-settings\\.ts']),
    wall('receiver/', ['webhooks/verify\\.ts']),
    wall('cli/', ['app\\.ts', 'client/', 'config/', 'events/catalogue\\.ts', 'receiver/']),
    wall('index\\.ts', ['api/', 'client/']),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types'],
    },
  },
};
