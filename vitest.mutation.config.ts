import { defineConfig } from 'vitest/config'
import { folders } from './scripts/test-mutation-folders.js'
import { alias, settings } from './vitest.config.ts'

const folder = process.env['MUTATION_FOLDER'] as keyof typeof folders

/** The specs that a mutant of a folder of lib/ must get past. */
export default defineConfig({
  resolve: { alias },
  test: { ...settings, include: folders[folder].map((spec) => `spec/${spec}.spec.ts`) },
})
