import { availableParallelism } from 'node:os'
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'
import { tiers } from './scripts/test-tiers.js'

const root = import.meta.dirname

/** The package's own name means its sources, so that examples run in tests without a build. */
export const alias = [
  { find: /^express-session-oidc$/, replacement: `${root}/lib/index.ts` },
  { find: /^express-session-oidc\/redis$/, replacement: `${root}/lib/redis.ts` },
  { find: /^express-session-oidc\/testing$/, replacement: `${root}/lib/testing.ts` },
]

/** Started once for a run, whatever the number of projects. */
export const globalSetup = ['spec/support/redis-server.ts', 'spec/support/compiled.ts']

/** Run before each test file: it restores what a test replaced. */
export const setupFiles = ['spec/support/setup.ts']

/** Of each project that needs neither a browser nor a Keycloak. */
export const settings = {
  setupFiles,
  // A long search is not a test that hangs.
  testTimeout: process.env['DEPTH'] === 'deep' ? 1_800_000 : 20_000,
  hookTimeout: 30_000,
}

/** As many workers as processors: vitest by itself leaves one idle. */
export const maxWorkers = availableParallelism()

/**
 * The projects of the test files below some folders: for each tier one whose files share their modules, which saves a
 * third of the time, and one for files that mock modules.
 */
export function projects(places: readonly string[], except: readonly string[]): TestProjectInlineConfiguration[] {
  return Object.entries(tiers(places, except)).flatMap(([tier, { shared, isolated }]) =>
    [
      { name: tier, include: shared, isolate: false },
      { name: `${tier}-isolated`, include: isolated, isolate: true },
    ]
      .filter(({ include }) => include.length > 0)
      .map((test) => ({ resolve: { alias }, test: { ...settings, ...test } })),
  )
}

const withCoverage = process.env['COVERAGE'] === '1'
const isMerging = process.argv.some((word) => word.startsWith('--merge-reports'))

/** The report for people, and the one for programs where a file is named for it. */
export const reporters = [
  'default',
  ...(process.argv.some((word) => word.startsWith('--outputFile.json')) ? ['json'] : []),
]

export default defineConfig({
  resolve: { alias },
  test: {
    globalSetup,
    maxWorkers,
    reporters: [...reporters, './spec/support/tier-times.ts', ...(withCoverage ? ['blob'] : [])],
    projects: projects(['spec'], ['spec/browser', 'spec/keycloak', 'spec/packaging/installed']),
    coverage: {
      enabled: withCoverage || isMerging,
      provider: 'v8',
      include: ['lib/**/*.ts'],
      reporter: isMerging ? ['text', 'json-summary'] : [],
      // The bounds hold for all tiers together.
      ...(isMerging && { thresholds: { lines: 95, branches: 95 } }),
    },
  },
})
