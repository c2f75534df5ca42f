import { defineConfig } from 'vitest/config'
import { leftOut, parts } from './scripts/test-matrix-specs.js'
import { globalSetup, maxWorkers, projects } from './vitest.config.ts'

const part = (process.env['MATRIX_PART'] ?? 'all') as keyof typeof parts

/** What scripts/test-matrix.js runs in each combination. */
export default defineConfig({
  test: { globalSetup, maxWorkers, projects: projects(parts[part], leftOut) },
})
