// The import rules of docs/ARCHITECTURE.md: which module may import which, and no circular imports in src/, bench/ and
// web/. Type-only imports count.

const inModules = (modules) => `^src/(${modules.join('|')})`;

/** Files of `module` may import each other, `contract/`, `base/` and `allowed`, besides packages. */
function wall(module, allowed) {
  return {
    name: `module-${module.replace(/[^a-z]/g, '-')}`,
    comment: `${module} may import contract/, base/${allowed.map((name) => `, ${name}`).join('')}`,
    severity: 'error',
    from: { path: `^src/${module}` },
    to: { path: '^src/', pathNot: inModules([module, 'contract/', 'base/', ...allowed]) },
  };
}

module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: { path: '^(src|bench|web)/' }, to: { circular: true } },
    // The peers of the benchmark have their own packages.
    { name: 'no-unresolvable', severity: 'error', from: { path: '^src/' }, to: { couldNotResolve: true } },
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
      name: 'loaded-when-used',
      comment: 'A static import would load them at the start of every command.',
      severity: 'error',
      from: { path: '^src/cli/' },
      to: { path: '^src/(acp-server|receiver)/', dynamic: false, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'contract-alone',
      comment: 'The nouns are plain data: contract/ imports nothing.',
      severity: 'error',
      from: { path: '^src/contract/' },
      to: { pathNot: '^src/contract/' },
    },
    wall('base/', []),
    wall('store/', []),
    wall('config/', []),
    wall('client/', []),
    wall('events/', ['store/']),
    wall('keys/', ['events/', 'store/']),
    wall('registry/', ['store/']),
    wall('webhooks/', ['registry/', 'events/', 'store/']),
    wall('triggers/', ['registry/', 'events/', 'store/', 'webhooks/verify\\.ts']),
    wall('agent/', ['events/', 'store/']),
    wall('http/', ['events/', 'tracing/host-provider\\.ts']),
    wall('mcp-server/', []),
    wall('openai/', []),
    wall('api/same-settings\\.ts', []),
    wall('api/rest-server\\.ts', ['http/', 'events/', 'api/same-settings\\.ts']),
    wall('api/(open-)?webhook', [
      ...['webhooks/', 'events/', 'store/', 'tracing/host-provider\\.ts', 'api/same-settings\\.ts'],
    ]),
    wall('tracing/', []),
    wall('receiver/', ['webhooks/verify\\.ts']),
    wall('acp-server/', ['client/']),
    wall('cli/', ['acp-server/', 'app(\\.ts|/)', 'client/', 'config/', 'receiver/']),
    wall('index\\.ts', ['api/', 'client/']),
    {
      name: 'dashboard-as-a-client',
      comment: 'web/ uses the server only through the typed client, and its objects from contract/.',
      severity: 'error',
      from: { path: '^web/' },
      to: {
        path: '^(src|bench|scripts)/',
        pathNot: '^src/(client|contract)/|^scripts/bundler/node_modules/',
      },
    },
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
