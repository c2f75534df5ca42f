/** Number of calls at a time: enough to be fast, few enough to let the store serve other requests. */
const batchSize = 20

/** Calls `work` for each item, a batch at a time, and returns the results in the same order. */
export async function mapInBatches<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  for (let from = 0; from < items.length; from += batchSize) {
    results.push(...(await Promise.all(items.slice(from, from + batchSize).map(work))))
  }
  return results
}
