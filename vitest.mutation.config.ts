import { defineConfig } from 'vitest/config'
import { folders } from './scripts/test-mutation-folders.js'
import { alias, globalSetup, settings } from './vitest.config.ts'

const folder = process.env['MUTATION_FOLDER'] as keyof typeof folders

/** The tests that a mutant of a folder of lib/ must get past. */
export default defineConfig({
  resolve: { alias },
  test: { ...settings, globalSetup, include: folders[folder].map((spec) => `spec/${spec}.spec.ts`) },
})
