/** Seconds that a login may be in progress, from the authorization request to its response. */
export const transactionSeconds = 900
/** Seconds for which the use of an authorization response is recorded: by then its login is no longer in progress. */
export const usedSeconds = 1800
