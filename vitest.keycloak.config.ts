import { defineConfig } from 'vitest/config'
import { alias, globalSetup, reporters, setupFiles } from './vitest.config.ts'

export default defineConfig({
  resolve: { alias },
  test: {
    include: ['spec/keycloak/**/*.spec.ts'],
    globalSetup: [...globalSetup, 'spec/support/keycloak-server.ts'],
    setupFiles,
    fileParallelism: false,
    reporters,
    testTimeout: 60_000,
    hookTimeout: 300_000,
  },
})
