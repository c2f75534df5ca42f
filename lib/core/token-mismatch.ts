import { nowSeconds } from './clock.ts'

/** Difference below which a token is not evidence of a wrong clock, in seconds. */
const leastSeconds = 60
/** Difference beyond which `iat` is not a time that a clock would show: about 300 years, in seconds. */
const mostSeconds = 1e10

/**
 * Describes how far the clocks of this machine and of the provider are apart, by `iat` of a token that the provider has just
 * issued. Undefined if they agree, or if `iat` is no time.
 */
export function describeClockDifference(iat: unknown): string | undefined {
  if (typeof iat !== 'number' || !Number.isFinite(iat)) return undefined
  const seconds = Math.round(Math.abs(iat - nowSeconds()))
  if (seconds < leastSeconds || seconds > mostSeconds) return undefined
  const which = iat > nowSeconds() ? 'ahead of' : 'behind'
  return `the clocks differ by about ${seconds.toLocaleString('en-US')} s: that of the provider is ${which} that of this machine; synchronize both`
}

/** Describes an algorithm that is not accepted, with those that are. */
export function describeAlgorithm(alg: unknown, accepted: readonly unknown[]): string {
  const came = (JSON.stringify(alg) ?? 'undefined').slice(0, 50)
  return `the token has the alg ${came}; accepted are ${accepted.slice(0, 20).map(String).join(', ').slice(0, 300)}`
}
