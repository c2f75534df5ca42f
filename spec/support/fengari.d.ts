/** The part of fengari that `redis-stand-in-scripts.ts` uses: Lua's C interface, whose strings are arrays of bytes. */
declare module 'fengari' {
  interface LuaState {
    readonly l_G: unknown
  }
  type LuaFunction = (state: LuaState) => number

  const fengari: {
    readonly lua: {
      readonly LUA_OK: number
      readonly LUA_REGISTRYINDEX: number
      readonly LUA_TNIL: number
      readonly LUA_TBOOLEAN: number
      readonly LUA_TNUMBER: number
      readonly LUA_TSTRING: number
      readonly LUA_TTABLE: number
      lua_createtable(state: LuaState, items: number, fields: number): void
      lua_error(state: LuaState): never
      lua_getfield(state: LuaState, index: number, name: Uint8Array): number
      lua_gettop(state: LuaState): number
      lua_pcall(state: LuaState, args: number, results: number, handler: number): number
      lua_pop(state: LuaState, count: number): void
      lua_pushboolean(state: LuaState, value: boolean): void
      lua_pushjsfunction(state: LuaState, run: LuaFunction): void
      lua_pushlstring(state: LuaState, bytes: Uint8Array, length: number): void
      lua_pushnumber(state: LuaState, value: number): void
      lua_rawgeti(state: LuaState, index: number, key: number): number
      lua_rawseti(state: LuaState, index: number, key: number): void
      lua_setfield(state: LuaState, index: number, name: Uint8Array): void
      lua_setglobal(state: LuaState, name: Uint8Array): void
      lua_settop(state: LuaState, index: number): void
      lua_toboolean(state: LuaState, index: number): boolean
      lua_tonumber(state: LuaState, index: number): number
      lua_tostring(state: LuaState, index: number): Uint8Array | null
      lua_type(state: LuaState, index: number): number
    }
    readonly lauxlib: {
      luaL_loadbuffer(state: LuaState, source: Uint8Array, length: number, name: Uint8Array): number
      luaL_newstate(): LuaState
      luaL_ref(state: LuaState, table: number): number
      luaL_requiref(state: LuaState, name: Uint8Array, open: LuaFunction, asGlobal: number): void
    }
    readonly lualib: Record<'luaopen_base' | 'luaopen_math' | 'luaopen_string' | 'luaopen_table', LuaFunction>
  }
  export default fengari
}
