/** Which versions `npm run test:matrix` tests together. */
import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { combinations, lowest, pushed, supported } from '../../scripts/test-matrix-combinations.js'
import { leftOut, parts } from '../../scripts/test-matrix-specs.js'

type Name = keyof typeof supported
type Combination = Record<Name, string>
const names = Object.keys(supported) as Name[]

/** Replaces each version by the supported version that it is a release of. */
function generalize(combination: Combination): Combination {
  const entries = names.map((name) => {
    const version = supported[name].find((one) => `${combination[name]}.`.startsWith(`${one}.`))
    expect(version, `${name} ${combination[name]}`).toBeDefined()
    return [name, version]
  })
  return Object.fromEntries(entries) as Combination
}

function isPossible(combination: Combination): boolean {
  return combination['connect-redis'] !== '10' || combination.node !== '20'
}

function everyPossible(): Combination[] {
  let list: Partial<Combination>[] = [{}]
  for (const name of names) {
    list = list.flatMap((one) => supported[name].map((version) => ({ ...one, [name]: version })))
  }
  return (list as Combination[]).filter(isPossible)
}

function pairs(list: readonly Combination[], among: readonly Name[]): string[] {
  const found = list.flatMap((one) =>
    among.flatMap((a, index) => among.slice(index + 1).map((b) => `${a} ${one[a]}, ${b} ${one[b]}`)),
  )
  return [...new Set(found)].toSorted()
}

const all = combinations(manifest)
const general = all.map(generalize)

describe('combinations()', () => {
  it('returns nine combinations that cover every possible pair of versions', () => {
    expect(all).toHaveLength(9)
    expect(everyPossible()).toHaveLength(64 - 8)
    expect(pairs(general, names)).toEqual(pairs(everyPossible(), names))
    // 8 pairs of Node with each of four packages, 4 for each two packages, minus Node 20 with connect-redis 10.
    expect(pairs(general, names)).toHaveLength(4 * 8 + 6 * 4 - 1)
  })

  it('covers every possible pair with the newest releases, without the lowest versions', () => {
    expect(pairs(general.slice(1), names)).toEqual(pairs(everyPossible(), names))
  })

  it('covers every pair of Express, express-session and redis in the five combinations of a push', () => {
    const packages: Name[] = ['express', 'express-session', 'redis']
    expect(pushed).toBe(5)
    expect(pairs(general.slice(0, pushed), packages)).toEqual(pairs(everyPossible(), packages))
    expect(pairs(general.slice(0, pushed), packages)).toHaveLength(12)
  })

  it('covers every Node and both versions of connect-redis in the five combinations of a push', () => {
    for (const name of ['node', 'connect-redis'] as const) {
      const versions = new Set(general.slice(0, pushed).map((one) => one[name]))
      expect([...versions].toSorted()).toEqual(supported[name].toSorted())
    }
  })

  it('never combines connect-redis 10 with Node 20, which it does not support', () => {
    expect(general.filter((one) => !isPossible(one))).toEqual([])
  })

  it('starts with the lowest versions of everything, followed by the newest', () => {
    expect(general[0]).toEqual(Object.fromEntries(names.map((name) => [name, supported[name][0]])))
    expect(all[1]).toEqual(Object.fromEntries(names.map((name) => [name, supported[name].at(-1)])))
  })
})

describe('lowest()', () => {
  it('returns the lowest versions that the package supports', () => {
    expect(all[0]).toEqual(lowest(manifest))
    expect(lowest(manifest)).toEqual({
      node: '20.19.0',
      express: '4.21.0',
      'express-session': '1.18.2',
      redis: '5.0.0',
      'connect-redis': '9.0.0',
    })
  })

  it.each(['>5', '5.x || 6.x', '*', undefined])(
    'rejects a range like %s instead of guessing its lowest version',
    (express) => {
      const peerDependencies = { ...manifest.peerDependencies, express: express as string }
      expect(() => lowest({ ...manifest, peerDependencies })).toThrow('not a range')
    },
  )
})

describe('parts', () => {
  it('parts name only folders and files that exist', () => {
    const places = [...Object.values(parts).flat(), ...leftOut]
    expect(places.filter((place) => !existsSync(new URL(`../../${place}`, import.meta.url)))).toEqual([])
  })

  it('parts name no place that every combination leaves out', () => {
    expect(parts.all).toEqual(['spec'])
    expect(parts.peers.filter((place) => leftOut.some((other) => place.startsWith(other)))).toEqual([])
  })
})
