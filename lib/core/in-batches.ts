/** Number of items that are worked on concurrently: enough to be fast, few enough to let the store serve other requests. */
const batchSize = 20

/** Runs `work` for each item, a batch at a time, and returns the results in order. After a failure, no new batch begins. */
export async function inBatches<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  for (let from = 0; from < items.length; from += batchSize) {
    results.push(...(await Promise.all(items.slice(from, from + batchSize).map(work))))
  }
  return results
}
