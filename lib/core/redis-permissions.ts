/** What Redis answers to a user without a permission: for a command, for one of a script, and without authentication. */
const refusal = /\b(?:NOPERM|NOAUTH)\b|ACL failure in script|user executing the script can't/

/**
 * Describes the permissions that a Redis user needs, if an error says that one is missing. They are those of
 * `RedisSessionStore` and `redisRecords()`, with the commands of their scripts.
 */
export function describeMissingPermission(error: unknown): string | undefined {
  if (!(error instanceof Error) || !refusal.test(error.message)) return undefined
  return (
    'the Redis user lacks a permission (docs/scaling.md): ' +
    'ACL SETUSER <name> ~sess:* ~oidc:* +@connection +get +mget +set +del +getdel +expire +expireat +ttl +eval +time +@sortedset'
  )
}
