/**
 * @typedef {'node' | 'express' | 'express-session' | 'redis' | 'connect-redis'} Name
 * @typedef {Record<Name, string>} Combination What runs together: a version, or the part of one that names its newest.
 */

/** What is supported, oldest first. */
export const supported = /** @type {const} */ ({
  node: ['20', '22', '24', '26'],
  express: ['4', '5'],
  'express-session': ['1.18', '1.19'],
  redis: ['5', '6'],
  'connect-redis': ['9', '10'],
})

/**
 * Eight combinations in which every two versions meet. The first four, one for each Node, are enough for every two of
 * Express, express-session and redis.
 *
 * @returns {Combination[]}
 */
export function pairwise() {
  // An orthogonal array: four levels from two bits and their sum, and the remaining sums with a third bit.
  return [0, 1].flatMap((half) =>
    [0, 1, 2, 3].map((node) => {
      const [a, b] = [node >> 1, node & 1]
      const c = a ^ b ^ half
      return {
        node: /** @type {string} */ (supported.node[node]),
        express: supported.express[/** @type {0 | 1} */ (c)],
        redis: supported.redis[/** @type {0 | 1} */ (c ^ a)],
        'express-session': supported['express-session'][/** @type {0 | 1} */ (c ^ b)],
        'connect-redis': supported['connect-redis'][/** @type {0 | 1} */ (c ^ a ^ b)],
      }
    }),
  )
}

/** All combinations. @returns {Combination[]} */
export function product() {
  let list = [{}]
  for (const [name, versions] of Object.entries(supported)) {
    list = list.flatMap((one) => versions.map((version) => ({ ...one, [name]: version })))
  }
  return /** @type {Combination[]} */ (list)
}

/**
 * The lowest versions that a manifest declares.
 *
 * @param {{ engines: { node: string }, peerDependencies: Record<string, string> }} manifest
 * @returns {Combination}
 */
export function lowest(manifest) {
  /** @param {string | undefined} range */
  const lowestOf = (range) => {
    const version = /^(?:\^|>=)(\d+(?:\.\d+){0,2})/.exec(range ?? '')?.[1]
    if (version === undefined) throw new Error(`not a range whose lowest version is plain: ${range}`)
    return [...version.split('.'), '0', '0'].slice(0, 3).join('.')
  }
  const { engines, peerDependencies: peers } = manifest
  return {
    node: lowestOf(engines.node),
    express: lowestOf(peers['express']),
    'express-session': lowestOf(peers['express-session']),
    redis: lowestOf(peers['redis']),
    'connect-redis': lowestOf(peers['connect-redis']),
  }
}
