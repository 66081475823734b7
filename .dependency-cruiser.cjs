/** Layers: shared ← engine ← {main, cli}; shared ← {renderer, preload}. `npm run layers` fails on a wrong import. */
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      // Types alone may refer to each other; what runs may not.
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'shared-is-pure',
      comment:
        'src/shared runs anywhere: it imports itself and pure packages, no Node built-in, DOM library or Electron.',
      severity: 'error',
      from: { path: '^src/shared', pathNot: '\\.test\\.ts$' },
      to: { pathNot: ['^src/shared', 'node_modules/(zod|jsonrepair|@msgpack)/'] },
    },
    {
      name: 'engine-knows-no-host',
      severity: 'error',
      from: { path: '^src/engine' },
      to: { path: ['^src/(main|cli|renderer|preload)', 'node_modules/(electron|svelte|fabric)/'] },
    },
    {
      name: 'renderer-knows-the-contract-only',
      severity: 'error',
      from: { path: '^src/renderer' },
      to: { path: ['^src/(engine|main|cli|preload)', 'node_modules/electron/'], dependencyTypesNot: [] },
    },
    {
      name: 'no-node-in-renderer',
      severity: 'error',
      from: { path: '^src/renderer', pathNot: 'vite\\.config\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'preload-knows-shared-only',
      severity: 'error',
      from: { path: '^src/preload' },
      to: { path: '^src/(engine|main|cli|renderer)' },
    },
    {
      name: 'main-and-cli-apart',
      severity: 'error',
      from: { path: '^src/main' },
      to: { path: '^src/(cli|renderer)' },
    },
    {
      name: 'cli-and-main-apart',
      severity: 'error',
      from: { path: '^src/cli' },
      to: { path: '^src/(main|renderer)' },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.base.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '\\.d\\.ts$' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.svelte', '.json', '.cjs', '.mjs'],
      conditionNames: ['svelte', 'import', 'require', 'node', 'default', 'types'],
    },
  },
};
