/**
 * The tiers of the tests. Each tier is a project of vitest.
 *
 * - `unit` tests one module and starts no server.
 * - `behavior` starts an Express application, an OpenID provider or Redis.
 * - `slow` takes longer: races, injected faults, load, long lists of cases.
 *
 * `slow` is a list. Any other file is `behavior` if it starts a server, itself or through a file of spec/ that it
 * imports. All other files are `unit`. CONTRIBUTING.md lists the budgets.
 */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** @typedef {'unit' | 'behavior' | 'slow'} Tier */

const root = fileURLToPath(new URL('..', import.meta.url))

/** Folders and files of the slow tier. */
export const slow = [
  'spec/attacks/caching.spec.ts',
  'spec/attacks/cookie-bombs.spec.ts',
  'spec/attacks/duplicates.spec.ts',
  'spec/attacks/forged-tokens.spec.ts',
  'spec/attacks/header-injection.spec.ts',
  'spec/attacks/host-headers.spec.ts',
  'spec/attacks/login-csrf.spec.ts',
  'spec/attacks/markup.spec.ts',
  'spec/attacks/planted-secrets.spec.ts',
  'spec/attacks/redirects.spec.ts',
  'spec/attacks/session-fixation.spec.ts',
  'spec/attacks/token-properties.spec.ts',
  'spec/examples/observability.spec.ts',
  'spec/faults',
  'spec/flows/nothing-comes-back.spec.ts',
  'spec/flows/store-faults.spec.ts',
  'spec/provider/metadata-members.spec.ts',
  'spec/provider/token-endpoint.spec.ts',
  'spec/races',
  'spec/scale',
  'spec/support/redis-stand-in.spec.ts',
  'spec/tokens/claims.spec.ts',
]

/** Code that starts a server or a process, or uses the shared Redis. */
const server = /\bcreateServer\(|\bstartTest\w*\(|\.listen\(|'node:child_process'|\binject\('redisUrl'\)/

/** @type {Map<string, { text: string, startsServer: boolean }>} */
const known = new Map()

/**
 * The text of a file, and whether it starts a server, itself or through a file of spec/ that it imports.
 *
 * @param {string} file an absolute path
 */
function look(file) {
  const found = known.get(file)
  if (found) return found
  const text = readFileSync(file, 'utf8')
  const result = { text, startsServer: server.test(text) }
  // Set before the imports are followed, since they may import this file in turn.
  known.set(file, result)
  for (const [, isType, path] of text.matchAll(/^(?:import|export)\s+(type\s)?[^;'"]*?'(\.[^']+)'/gm)) {
    const imported = join(dirname(file), /** @type {string} */ (path))
    if (isType || !imported.startsWith(join(root, 'spec')) || !existsSync(imported)) continue
    result.startsServer ||= look(imported).startsServer
  }
  return result
}

/**
 * Whether a file is one of the given places or is below one of them.
 *
 * @param {string} file
 * @param {readonly string[]} places
 */
function isBelow(file, places) {
  return places.some((place) => file === place || file.startsWith(`${place}/`))
}

/**
 * The test files at the given places, by tier. Files that mock modules are `isolated`: they cannot share modules with other
 * files.
 *
 * @param {readonly string[]} places
 * @param {readonly string[]} except
 * @returns {Record<Tier, { shared: string[], isolated: string[] }>}
 */
export function tiers(places, except) {
  const files = places
    .flatMap((place) =>
      statSync(join(root, place)).isDirectory()
        ? readdirSync(join(root, place), { recursive: true, encoding: 'utf8' }).map((file) => join(place, file))
        : [place],
    )
    .map((file) => relative(root, join(root, file)).replaceAll('\\', '/'))
    .filter((file) => file.endsWith('.spec.ts') && !isBelow(file, except))
  /** @type {Record<Tier, { shared: string[], isolated: string[] }>} */
  const byTier = {
    unit: { shared: [], isolated: [] },
    behavior: { shared: [], isolated: [] },
    slow: { shared: [], isolated: [] },
  }
  for (const file of new Set(files)) {
    const { text, startsServer } = look(join(root, file))
    const tier = isBelow(file, slow) ? 'slow' : startsServer ? 'behavior' : 'unit'
    byTier[tier][/\bvi\.(?:mock|doMock)\(/.test(text) ? 'isolated' : 'shared'].push(file)
  }
  return byTier
}
