import { defineConfig } from 'vitest/config'

const root = import.meta.dirname

/** The package's own name means its sources, so that examples run in specs without a build. */
export const alias = [
  { find: /^express-session-oidc$/, replacement: `${root}/lib/index.ts` },
  { find: /^express-session-oidc\/redis$/, replacement: `${root}/lib/redis.ts` },
  { find: /^express-session-oidc\/testing$/, replacement: `${root}/lib/testing.ts` },
]

export default defineConfig({
  resolve: { alias },
  test: {
    include: ['spec/**/*.spec.ts'],
    exclude: ['spec/browser/**', 'spec/keycloak/**', 'spec/packaging/installed/**'],
    globalSetup: ['spec/support/redis-server.ts'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    coverage: {
      provider: 'v8',
      include: ['lib/**/*.ts'],
      reporter: ['text', 'json-summary'],
      thresholds: { lines: 95, branches: 95 },
    },
  },
})
