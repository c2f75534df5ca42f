import { defineConfig } from 'vitest/config'
import { maxWorkers, reporters } from './vitest.config.ts'

// No alias for the package's own name: what is tested is the tarball, installed.
export default defineConfig({
  test: {
    maxWorkers,
    include: ['spec/packaging/installed/*.spec.ts'],
    globalSetup: ['spec/support/redis-server.ts', 'spec/packaging/installed/tarball.ts'],
    reporters,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
