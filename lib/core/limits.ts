/** Seconds that a login may be in progress: from the request that begins it to the provider's response. */
export const transactionSeconds = 900
