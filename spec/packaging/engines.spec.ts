/** Whether `npm ci` works on the lowest Node that the package supports, without the warning EBADENGINE. */
import semver from 'semver'
import { describe, expect, it } from 'vitest'
import lock from '../../package-lock.json' with { type: 'json' }
import manifest from '../../package.json' with { type: 'json' }

interface Locked {
  readonly version?: string
  readonly optional?: boolean
  readonly engines?: { readonly node?: string }
}

/** By path; `''` is the project itself. npm skips an optional package without a warning. */
const locked = Object.entries(lock.packages as Record<string, Locked>).filter(([, { optional }]) => optional !== true)

describe('package-lock.json', () => {
  it('contains only packages that support the lowest Node of this package', () => {
    const lowest = semver.minVersion(manifest.engines.node)?.version as string
    expect(lowest).toBe('20.19.0')
    const excluding = locked
      .filter(([, { engines }]) => engines?.node !== undefined && !semver.satisfies(lowest, engines.node))
      .map(([path, { version, engines }]) => `${path} ${version}: node ${engines?.node}`)
    expect(excluding).toEqual([])
    expect(locked.length).toBeGreaterThan(100)
  })
})
