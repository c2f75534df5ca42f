/** Which versions `npm run test:matrix` puts together. */
import { describe, expect, it } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { lowest, pairwise, product, supported } from '../../scripts/test-matrix-combinations.js'

type Name = keyof typeof supported
const names = Object.keys(supported) as Name[]

function pairs(combinations: readonly Record<Name, string>[], of: readonly Name[]): Set<string> {
  return new Set(
    combinations.flatMap((one) =>
      of.flatMap((a, index) => of.slice(index + 1).map((b) => `${a} ${one[a]}, ${b} ${one[b]}`)),
    ),
  )
}

describe('the combinations of versions', () => {
  it('are eight in which every two versions meet', () => {
    expect(pairwise()).toHaveLength(8)
    expect(pairs(pairwise(), names)).toEqual(pairs(product(), names))
    expect(product()).toHaveLength(64)
  })

  it('have each Node, and every two versions of the packages, among the first four', () => {
    const first = pairwise().slice(0, 4)
    expect(first.map(({ node }) => node)).toEqual(supported.node)
    const packages: Name[] = ['express', 'express-session', 'redis']
    expect(pairs(first, packages)).toEqual(pairs(product(), packages))
  })

  it('are as old as the package declares, and start where it does', () => {
    expect(lowest(manifest)).toEqual({
      node: '20.19.0',
      express: '4.21.0',
      'express-session': '1.18.2',
      redis: '5.0.0',
      'connect-redis': '9.0.0',
    })
    for (const name of names) expect(`${lowest(manifest)[name]}.`).toContain(`${supported[name][0]}.`)
  })

  it.each(['>5', '5.x || 6.x', '*', undefined])('are not guessed from a range like %s', (express) => {
    const peerDependencies = { ...manifest.peerDependencies, express: express as string }
    expect(() => lowest({ ...manifest, peerDependencies })).toThrow('not a range')
  })
})
