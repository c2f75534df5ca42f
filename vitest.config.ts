import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'

const root = import.meta.dirname

/** The package's own name means its sources, so that examples run in specs without a build. */
export const alias = [
  { find: /^express-session-oidc$/, replacement: `${root}/lib/index.ts` },
  { find: /^express-session-oidc\/redis$/, replacement: `${root}/lib/redis.ts` },
  { find: /^express-session-oidc\/testing$/, replacement: `${root}/lib/testing.ts` },
]

/** What all specs need that take neither a browser nor a Keycloak. */
export const settings = {
  globalSetup: ['spec/support/redis-server.ts'],
  testTimeout: 20_000,
  hookTimeout: 30_000,
}

/**
 * The specs of some folders. They share their modules, and take two thirds of the time by it; those that put other
 * modules in the place of some have theirs to themselves.
 */
export function projects(folders: readonly string[], exclude: string[]): TestProjectInlineConfiguration[] {
  const withMocks = folders
    .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)))
    .filter((file) => file.endsWith('.spec.ts') && /\bvi\.(mock|doMock)\(/.test(readFileSync(file, 'utf8')))
  const include = folders.map((folder) => `${folder}/**/*.spec.ts`)
  return [
    { extends: true, test: { name: 'shared', include, exclude: [...exclude, ...withMocks], isolate: false } },
    { extends: true, test: { name: 'isolated', include: withMocks, exclude } },
  ]
}

export default defineConfig({
  resolve: { alias },
  test: {
    ...settings,
    projects: projects(['spec'], ['spec/browser/**', 'spec/keycloak/**', 'spec/packaging/installed/**']),
    coverage: {
      provider: 'v8',
      include: ['lib/**/*.ts'],
      reporter: ['text', 'json-summary'],
      thresholds: { lines: 95, branches: 95 },
    },
  },
})
