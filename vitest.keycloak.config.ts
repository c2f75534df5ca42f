import { defineConfig } from 'vitest/config'
import { alias, globalSetup, setupFiles } from './vitest.config.ts'

export default defineConfig({
  resolve: { alias },
  test: {
    include: ['spec/keycloak/**/*.spec.ts'],
    globalSetup: [...globalSetup, 'spec/support/keycloak-server.ts'],
    setupFiles,
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 300_000,
  },
})
