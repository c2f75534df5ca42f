import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { leftOut, parts } from './scripts/test-matrix-specs.js'
import { alias, projects, settings } from './vitest.config.ts'

/** The projects of a part of the tests. */
function projectsIn(part: keyof typeof parts) {
  const glob = (place: string): string => (place.endsWith('.ts') ? place : `${place}/**/*.spec.ts`)
  return projects(['spec'], leftOut.map(glob)).map((project) => {
    const isolated = project.test?.include?.filter((file) => parts[part].some((place) => file.startsWith(place)))
    const include = project.test?.isolate === false ? parts[part].map(glob) : (isolated ?? [])
    return { ...project, test: { ...project.test, include } }
  })
}

/** What scripts/test-matrix.js runs in each combination. */
export default defineConfig({
  resolve: { alias },
  test: {
    ...settings,
    maxWorkers: availableParallelism(),
    projects: projectsIn((process.env['MATRIX_PART'] ?? 'all') as keyof typeof parts),
  },
})
