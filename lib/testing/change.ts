/** A JSON object with members of any name and type. */
export type TestJsonObject = Record<string, unknown>

/**
 * How a fault alters a value before the provider sends it. An object is merged into the value, and its members that are
 * `undefined` are removed. A function takes the value and returns what is sent instead.
 */
export type TestChange<T extends object> = { readonly [member: string]: unknown } | ((value: T) => T | Promise<T>)

export async function applyChange<T extends object>(value: T, change: TestChange<T> | undefined): Promise<T> {
  if (change === undefined) return value
  if (typeof change === 'function') return await change(value)
  return Object.fromEntries(
    Object.entries({ ...value, ...change }).filter(([, member]) => member !== undefined),
  ) as unknown as T
}
