import { defineConfig } from 'vitest/config'
import { alias, reporters, setupFiles } from './vitest.config.ts'

export default defineConfig({
  resolve: { alias },
  test: {
    include: ['spec/browser/**/*.spec.ts'],
    globalSetup: ['spec/support/redis-server.ts'],
    setupFiles,
    fileParallelism: false,
    reporters,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
