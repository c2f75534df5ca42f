/** Seconds that a login may be in progress, from the authorization request to its response. */
export const transactionSeconds = 900
