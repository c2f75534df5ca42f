/** Freezes what came out of `JSON.parse`, in place. Without recursion: JSON may be nested deeper than the stack is. */
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
