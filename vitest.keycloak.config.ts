import { defineConfig } from 'vitest/config'
import { alias } from './vitest.config.ts'

export default defineConfig({
  resolve: { alias },
  test: {
    include: ['spec/keycloak/**/*.spec.ts'],
    globalSetup: ['spec/support/redis-server.ts', 'spec/support/keycloak-server.ts'],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 300_000,
  },
})
