/** Returns the items in a random order, which the test title does not depend on. */
export function shuffle<Item>(items: readonly Item[], random: () => number = Math.random): Item[] {
  const result = [...items]
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    const item = result[last] as Item
    result[last] = result[other] as Item
    result[other] = item
  }
  return result
}
