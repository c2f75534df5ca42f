/** Scope that says what a login is rather than what a token is good for: providers leave it out of their answers. */
export const loginScope: ReadonlySet<string> = new Set(['openid', 'profile', 'email', 'offline_access'])
