import { defineConfig } from 'vitest/config'
import { leftOut, parts } from './scripts/test-matrix-specs.js'
import { alias } from './vitest.config.ts'

const part = process.env['MATRIX_SPECS'] as keyof typeof parts | undefined
const specsIn = (path: string): string => (path.endsWith('.ts') ? path : `${path}/**/*.spec.ts`)

/** What scripts/test-matrix.js runs in each combination. */
export default defineConfig({
  resolve: { alias },
  test: {
    include: parts[part ?? 'all'].map(specsIn),
    exclude: leftOut.map(specsIn),
    globalSetup: ['spec/support/redis-server.ts'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
})
