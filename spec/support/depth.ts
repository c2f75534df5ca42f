/** How much the tests that play at random or through whole corpora try. */
export type Depth = 'quick' | 'normal' | 'deep'

/**
 * The depth of this run, from the environment variable `DEPTH`: `quick` to see that the tests work, `normal` (the
 * default) for each push, `deep` for a long search.
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

/** How often a property is tried at the depth of this run, when it is tried `normal` times at normal depth. */
export function runs(normal: number): number {
  return Math.ceil(normal * byDepth({ quick: 0.1, normal: 1, deep: 20 }))
}
