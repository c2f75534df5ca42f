/** Returns whole seconds since the epoch, the unit of all times in tokens and records. */
export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000)
}
