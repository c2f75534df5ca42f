/** How many cases the randomized tests and the long lists of cases try. */
export type Depth = 'quick' | 'normal' | 'deep'

/**
 * The depth of this run, from the environment variable `DEPTH`: `quick` for a first look, `normal` (the default) for a
 * push, `deep` for a long search.
 */
export function depth(): Depth {
  const given = process.env['DEPTH'] ?? 'normal'
  if (given === 'quick' || given === 'normal' || given === 'deep') return given
  throw new Error(`DEPTH is '${given}'; set it to quick, normal or deep`)
}

/** The value for the depth of this run. */
export function byDepth<Value>(values: Record<Depth, Value>): Value {
  return values[depth()]
}

/** The number of runs of a property at the depth of this run, if it has `normal` runs at normal depth. */
export function runs(normal: number): number {
  return Math.ceil(normal * byDepth({ quick: 0.1, normal: 1, deep: 20 }))
}
