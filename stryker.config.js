/**
 * `npm run test:mutation`: changes lib/ in small ways, one at a time, and says which changes no spec notices. Takes about an
 * hour; `npm run test:mutation -- --mutate 'lib/tokens/**'` does a part.
 *
 * @type {import('@stryker-mutator/core').PartialStrykerOptions}
 */
export default {
  testRunner: 'vitest',
  vitest: { configFile: 'vitest.mutation.config.ts' },
  plugins: ['@stryker-mutator/vitest-runner'],
  coverageAnalysis: 'perTest',
  // A constant of a module is made once, before any spec: each mutant of one would take the whole suite.
  ignoreStatic: true,
  mutate: ['core', 'tokens', 'session', 'guard', 'logins'].map((folder) => `lib/${folder}/**/*.ts`),
  thresholds: { high: 95, low: 90, break: 85 },
  timeoutMS: 10_000,
  reporters: ['clear-text', 'progress-append-only', 'html', 'json'],
  clearTextReporter: { logTests: false, reportTests: false, allowColor: false },
  htmlReporter: { fileName: 'artifacts/mutation/index.html' },
  jsonReporter: { fileName: 'artifacts/mutation/report.json' },
  tempDirName: 'artifacts/mutation/sandboxes',
  ignorePatterns: ['dist', 'artifacts', 'coverage', 'bench', 'examples/**/public'],
}
