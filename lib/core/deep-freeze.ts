/** Freezes a value from `JSON.parse` in place. It does not recurse, because JSON can be nested deeper than the stack. */
export function deepFreeze<Value extends object>(value: Value): Value {
  const waiting: object[] = [value]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    Object.freeze(next)
    for (const name of Object.keys(next)) {
      const member = (next as Record<string, unknown>)[name]
      if (member !== null && typeof member === 'object') waiting.push(member)
    }
  }
  return value
}
