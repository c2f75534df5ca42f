export { RedisSessionStore, type RedisSessionStoreOptions } from './session/redis-session-store.ts'
export { redisRecords, type RedisRecordsOptions } from './session/redis-records.ts'
export type { RedisClient } from './session/redis-client.ts'
