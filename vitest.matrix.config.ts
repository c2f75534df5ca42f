import { defineConfig } from 'vitest/config'
import { leftOut, parts } from './scripts/test-matrix-specs.js'
import { alias, projects, settings } from './vitest.config.ts'

const part = process.env['MATRIX_SPECS'] as keyof typeof parts | undefined
const exclude = leftOut.map((path) => (path.endsWith('.ts') ? path : `${path}/**`))

/** What scripts/test-matrix.js runs in each combination. */
export default defineConfig({
  resolve: { alias },
  test: { ...settings, projects: projects(parts[part ?? 'all'], exclude) },
})
