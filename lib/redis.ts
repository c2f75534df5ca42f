export { RedisSessionStore, type RedisSessionStoreOptions } from './store/redis-session-store.ts'
export { redisRecords, type RedisRecordsOptions } from './store/redis-records.ts'
export type { OidcRedisClient } from './store/redis-client.ts'
