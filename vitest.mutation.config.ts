import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { folders } from './scripts/test-mutation-folders.js'
import { globalSetup, projects } from './vitest.config.ts'

const folder = process.env['MUTATION_FOLDER'] as keyof typeof folders

/** The tests of the folder itself come first: most mutants fail one of them, and the first failure ends a run. */
class OwnTestsFirst extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isOther = ({ moduleId }: TestSpecification): number => (moduleId.includes(`/spec/${folder}/`) ? 0 : 1)
    return Promise.resolve(files.toSorted((a, b) => isOther(a) - isOther(b)))
  }
}

/** The tests that a mutant of a folder of lib/ must get past. */
export default defineConfig({
  test: {
    globalSetup,
    sequence: { sequencer: OwnTestsFirst },
    projects: projects(
      folders[folder].map((spec) => (spec.endsWith('/**') ? `spec/${spec.slice(0, -3)}` : `spec/${spec}.spec.ts`)),
      [],
    ),
  },
})
