/**
 * Storage in Redis: a session store that reads session and login with one command, and records for any other session store.
 *
 * @module
 */
export { RedisSessionStore, type RedisSessionStoreOptions } from './store/redis-session-store.ts'
export { redisRecords, type RedisRecordsOptions } from './store/redis-records.ts'
export type { OidcRedisClient } from './store/redis-client.ts'
