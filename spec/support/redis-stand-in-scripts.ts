/**
 * Lua scripts for the stand-in for Redis. The interpreter runs Lua 5.3, and imitates the Lua 5.1 of Redis where a
 * script notices the difference: `unpack`, numbers from outside as floats (integers of the interpreter have 32 bits), and
 * floats written without `.0`.
 */
import type { StandInData } from './redis-stand-in-data.ts'
import { formatScore, isArray, RedisError, untaught, type Reply } from './redis-stand-in-protocol.ts'

// Read when the interpreter is loaded.
process.env['FENGARICONF'] ??= JSON.stringify({ LUA_COMPAT_FLOATSTRING: true })
const { lua, lauxlib, lualib } = (await import('fengari')).default

/** As in Redis, a script can neither make a global variable nor read one that does not exist. */
const prelude = `
unpack = table.unpack
local parse = tonumber
function tonumber(...)
  local number = parse(...)
  return number and number + 0.0
end
KEYS, ARGV = {}, {}
setmetatable(_G, {
  __newindex = function() error('Attempt to modify a readonly table', 2) end,
  __index = function(_, name)
    error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
  end,
})`

export class StandInScripts {
  readonly #data: StandInData
  readonly #state = lauxlib.luaL_newstate()
  /** References to compiled scripts. */
  readonly #compiled = new Map<string, number>()

  constructor(data: StandInData) {
    this.#data = data
    const state = this.#state
    lauxlib.luaL_requiref(state, bytes('_G'), lualib.luaopen_base, 1)
    lauxlib.luaL_requiref(state, bytes('string'), lualib.luaopen_string, 1)
    lauxlib.luaL_requiref(state, bytes('table'), lualib.luaopen_table, 1)
    lauxlib.luaL_requiref(state, bytes('math'), lualib.luaopen_math, 1)
    lua.lua_createtable(state, 0, 2)
    lua.lua_pushjsfunction(state, () => this.#call('raise'))
    lua.lua_setfield(state, -2, bytes('call'))
    lua.lua_pushjsfunction(state, () => this.#call('return'))
    lua.lua_setfield(state, -2, bytes('pcall'))
    lua.lua_setglobal(state, bytes('redis'))
    this.#run(prelude)
  }

  /** EVAL, with its arguments: a script, the count of keys, keys, others. */
  evaluate([script = '', count = '', ...rest]: string[]): Reply {
    const keys = Number(count)
    if (!/^\d+$/.test(count)) throw new RedisError('ERR value is not an integer or out of range')
    if (keys > rest.length) throw new RedisError("ERR Number of keys can't be greater than number of args")
    this.#setList('KEYS', rest.slice(0, keys))
    this.#setList('ARGV', rest.slice(keys))
    return this.#run(script)
  }

  #run(script: string): Reply {
    const state = this.#state
    lua.lua_settop(state, 0)
    this.#pushCompiled(script)
    const status = lua.lua_pcall(state, 0, 1, 0)
    const reply = this.#toReply(-1)
    if (status === lua.LUA_OK) return reply
    throw reply instanceof RedisError ? reply : new RedisError(`ERR ${this.#toText(-1)}`)
  }

  #pushCompiled(script: string): void {
    const state = this.#state
    let reference = this.#compiled.get(script)
    if (reference === undefined) {
      const source = bytes(script)
      if (lauxlib.luaL_loadbuffer(state, source, source.length, bytes('@user_script')) !== lua.LUA_OK) {
        throw new RedisError(`ERR Error compiling script (new function): ${this.#toText(-1)}`)
      }
      reference = lauxlib.luaL_ref(state, lua.LUA_REGISTRYINDEX)
      this.#compiled.set(script, reference)
    }
    lua.lua_rawgeti(state, lua.LUA_REGISTRYINDEX, reference)
  }

  /** `redis.call`, which raises an error reply, and `redis.pcall`, which returns it. */
  #call(onError: 'raise' | 'return'): number {
    const state = this.#state
    const reply = this.#execute(lua.lua_gettop(state))
    this.#push(reply)
    return reply instanceof RedisError && onError === 'raise' ? lua.lua_error(state) : 1
  }

  #execute(count: number): Reply {
    const words: string[] = []
    try {
      for (let index = 1; index <= count; index++) words.push(this.#toWord(index))
      return this.#data.execute(words)
    } catch (error) {
      if (error instanceof RedisError) return error
      return new RedisError(`ERR the stand-in for Redis failed: ${(error as Error).stack}`)
    }
  }

  #toWord(index: number): string {
    const type = lua.lua_type(this.#state, index)
    if (type === lua.LUA_TNUMBER) return String(lua.lua_tonumber(this.#state, index))
    if (type === lua.LUA_TSTRING) return this.#toText(index)
    throw new RedisError('ERR Lua redis lib command arguments must be strings or integers')
  }

  #toText(index: number): string {
    return Buffer.from(lua.lua_tostring(this.#state, index) ?? []).toString('latin1')
  }

  #setList(name: 'KEYS' | 'ARGV', words: readonly string[]): void {
    this.#push(words)
    lua.lua_setglobal(this.#state, bytes(name))
  }

  /** Converts a reply into a Lua value: nil is `false`, a status or an error a table with one field. */
  #push(reply: Reply): void {
    const state = this.#state
    if (reply === null) lua.lua_pushboolean(state, false)
    else if (typeof reply === 'number') lua.lua_pushnumber(state, reply)
    else if (typeof reply === 'string') lua.lua_pushlstring(state, bytes(reply), reply.length)
    else if (isArray(reply)) {
      lua.lua_createtable(state, reply.length, 0)
      for (const [index, part] of reply.entries()) {
        this.#push(part)
        lua.lua_rawseti(state, -2, index + 1)
      }
    } else if (reply instanceof RedisError) this.#pushField('err', reply.message)
    else if ('status' in reply) this.#pushField('ok', reply.status)
    else if ('scored' in reply) this.#push(reply.scored.flatMap(([member, score]) => [member, formatScore(score)]))
    else throw untaught('this kind of reply in a script', 'redis-stand-in-scripts.ts')
  }

  #pushField(name: string, text: string): void {
    const state = this.#state
    lua.lua_createtable(state, 0, 1)
    this.#push(text)
    lua.lua_setfield(state, -2, bytes(name))
  }

  /** Converts a Lua value into a reply: a number loses its fraction, a table ends at its first nil. */
  #toReply(index: number): Reply {
    const state = this.#state
    switch (lua.lua_type(state, index)) {
      case lua.LUA_TNUMBER:
        return Math.trunc(lua.lua_tonumber(state, index))
      case lua.LUA_TSTRING:
        return this.#toText(index)
      case lua.LUA_TBOOLEAN:
        return lua.lua_toboolean(state, index) ? 1 : null
      case lua.LUA_TTABLE:
        return this.#tableToReply(lua.lua_gettop(state) + 1 + index)
      default:
        return null
    }
  }

  #tableToReply(table: number): Reply {
    const state = this.#state
    const [err, ok] = ['err', 'ok'].map((name) => {
      const type = lua.lua_getfield(state, table, bytes(name))
      const text = type === lua.LUA_TSTRING ? this.#toText(-1) : undefined
      lua.lua_pop(state, 1)
      return text
    })
    if (err !== undefined) return new RedisError(err)
    if (ok !== undefined) return { status: ok }
    const parts: Reply[] = []
    while (lua.lua_rawgeti(state, table, parts.length + 1) !== lua.LUA_TNIL) {
      parts.push(this.#toReply(-1))
      lua.lua_pop(state, 1)
    }
    lua.lua_pop(state, 1)
    return parts
  }
}

function bytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'))
}
