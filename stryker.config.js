import { availableParallelism } from 'node:os'

/**
 * For `scripts/test-mutation.js`, which runs it folder by folder.
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
  timeoutMS: 10_000,
  // One more than processors: a run also waits, for Redis and for its worker to start.
  concurrency: availableParallelism() + 1,
  reporters: ['clear-text', 'progress-append-only', 'html', 'json'],
  clearTextReporter: { logTests: false, reportTests: false, allowColor: false },
  htmlReporter: { fileName: `artifacts/mutation/${process.env.MUTATION_FOLDER}.html` },
  jsonReporter: { fileName: `artifacts/mutation/${process.env.MUTATION_FOLDER}.json` },
  tempDirName: 'artifacts/mutation/sandboxes',
  ignorePatterns: ['dist', 'artifacts', 'coverage', 'bench', 'examples/**/public'],
}
