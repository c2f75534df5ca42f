/** A JSON object whose members are not known beforehand. */
export type JsonObject = Record<string, unknown>

/**
 * How a fault alters something the provider is about to send: an object is merged into it (a member that is
 * `undefined` is removed), a function returns what to send instead.
 */
export type Change<T extends object> = { readonly [member: string]: unknown } | ((value: T) => T | Promise<T>)

export async function applyChange<T extends object>(value: T, change: Change<T> | undefined): Promise<T> {
  if (change === undefined) return value
  if (typeof change === 'function') return await change(value)
  return Object.fromEntries(
    Object.entries({ ...value, ...change }).filter(([, member]) => member !== undefined),
  ) as unknown as T
}
