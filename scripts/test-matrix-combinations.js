/**
 * @typedef {'node' | 'express' | 'express-session' | 'redis' | 'connect-redis'} Name
 * @typedef {Record<Name, string>} Combination Versions that are tested together: a complete version, or a part of one
 *   that means its newest release.
 */

/** The supported versions, oldest first. */
export const supported = /** @type {const} */ ({
  node: ['20', '22', '24', '26'],
  express: ['4', '5'],
  'express-session': ['1.18', '1.19'],
  redis: ['5', '6'],
  'connect-redis': ['9', '10'],
})

/**
 * Together with the lowest versions, the first four of these cover every pair of Express, express-session and redis. All
 * eight cover every pair of all packages and Node. connect-redis 10 does not support Node 20.
 */
const newest = [
  combination('26', '5', '1.19', '6', '10'),
  combination('20', '5', '1.18', '5', '9'),
  combination('22', '4', '1.18', '6', '10'),
  combination('24', '4', '1.19', '5', '10'),
  combination('20', '4', '1.19', '6', '9'),
  combination('22', '5', '1.19', '5', '9'),
  combination('24', '5', '1.18', '6', '9'),
  combination('26', '4', '1.18', '5', '9'),
]

/**
 * @param {string} node
 * @param {string} express
 * @param {string} session
 * @param {string} redis
 * @param {string} store
 * @returns {Combination}
 */
function combination(node, express, session, redis, store) {
  return { node, express, 'express-session': session, redis, 'connect-redis': store }
}

/** How many of the combinations run on each push. */
export const pushed = 5

/**
 * All combinations: the lowest versions, the newest, and others that cover the remaining pairs.
 *
 * @param {Parameters<typeof lowest>[0]} manifest
 * @returns {Combination[]}
 */
export function combinations(manifest) {
  return [lowest(manifest), ...newest]
}

/**
 * The lowest versions of the optional peers. Their range is `*`, so that an application can use an older version for
 * something else. `express-session-oidc/redis` rejects an older version at construction.
 */
const lowestOptional = /** @type {const} */ ({ redis: '5.0.0', 'connect-redis': '9.0.0' })

/**
 * The lowest supported versions: those that a manifest declares, and those of the optional peers.
 *
 * @param {{ engines: { node: string }, peerDependencies: Record<string, string> }} manifest
 * @returns {Combination}
 */
export function lowest(manifest) {
  /** @param {string | undefined} range */
  const getLowest = (range) => {
    const version = /^(?:\^|>=)(\d+(?:\.\d+){0,2})/.exec(range ?? '')?.[1]
    if (version === undefined) throw new Error(`${range} is not a range with a plain lowest version`)
    return [...version.split('.'), '0', '0'].slice(0, 3).join('.')
  }
  const { engines, peerDependencies: peers } = manifest
  return {
    node: getLowest(engines.node),
    express: getLowest(peers['express']),
    'express-session': getLowest(peers['express-session']),
    ...lowestOptional,
  }
}
