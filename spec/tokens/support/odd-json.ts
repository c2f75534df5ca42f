/** Unexpected JSON values, as text: a provider can send JSON that `JSON.stringify` never produces. */

/** The value of a member, as JSON text; `undefined` leaves the member out. */
export interface Odd {
  readonly name: string
  readonly json: string | undefined
}

function odd(name: string, value: unknown): Odd {
  return { name, json: JSON.stringify(value) }
}

function nested(depth: number): string {
  return `${'['.repeat(depth)}${']'.repeat(depth)}`
}

/** Values of every type, including unusual ones. */
export const oddValues: readonly Odd[] = [
  { name: 'missing', json: undefined },
  odd('null', null),
  odd('true', true),
  odd('false', false),
  odd('0', 0),
  odd('1', 1),
  odd('-1', -1),
  odd('0.5', 0.5),
  { name: '1e300', json: '1e300' },
  { name: '-1e300', json: '-1e300' },
  // JSON.parse turns this into Infinity.
  { name: '1e999', json: '1e999' },
  { name: '-1e999', json: '-1e999' },
  { name: '2^31', json: '2147483648' },
  { name: '2^53 + 1', json: '9007199254740993' },
  odd('an empty string', ''),
  odd('a string', 'text'),
  odd('a number as a string', '300'),
  odd('a large number as a string', '1e300'),
  odd('NaN as a string', 'NaN'),
  odd('Infinity as a string', 'Infinity'),
  odd('the string __proto__', '__proto__'),
  odd('the string constructor', 'constructor'),
  odd('markup', '"><script>alert(1)</script>'),
  odd('a string of spaces', '   '),
  odd('a string with line breaks', 'a\r\nSet-Cookie: x=y'),
  { name: 'a string with NUL, a lone surrogate and a direction override', json: '"a\\u0000\\ud800\\u202e"' },
  odd('a string of 255 characters', 'x'.repeat(255)),
  odd('a string of 256 characters', 'x'.repeat(256)),
  odd('an empty array', []),
  odd('an array with null', [null]),
  odd('an array of one string', ['text']),
  odd('an array in an array', [['text']]),
  odd('an empty object', {}),
  odd('an object', { text: ['text'] }),
  {
    name: 'an object with __proto__',
    json: '{"__proto__":{"sub":"mallory","roles":["admin"],"isAuthenticated":true}}',
  },
  { name: 'an object with constructor', json: '{"constructor":{"prototype":{"sub":"mallory"}}}' },
  odd('an object that resembles an array', { length: 1e9, 0: 'admin' }),
  odd('an object that resembles a string', { toString: 'text', valueOf: null }),
  { name: 'a thousand nested arrays', json: nested(1000) },
]

/** Turns odd values into rows for `it.each`. */
export function named(values: readonly Odd[]): (readonly [name: string, json: string | undefined])[] {
  return values.map(({ name, json }) => [name, json])
}

/** Times that are valid, malformed or in another unit. */
export function oddTimes(): Odd[] {
  const now = Date.now()
  const seconds = Math.floor(now / 1000)
  return [
    { name: 'now', json: `${seconds}` },
    { name: 'now with a fraction', json: `${seconds}.5` },
    { name: 'now as a string', json: `"${seconds}"` },
    { name: 'now in an array', json: `[${seconds}]` },
    { name: 'now in milliseconds', json: `${now}` },
    { name: 'now in microseconds', json: `${now * 1000}` },
    odd('now as a date', new Date(now).toISOString()),
    { name: 'half an hour ago', json: `${seconds - 1800}` },
    { name: 'in half an hour', json: `${seconds + 1800}` },
    { name: 'in 2039', json: '2177452800' },
    { name: 'the latest time of a JavaScript Date, in seconds', json: '8640000000000' },
  ]
}

/** Arrays that are nested deeper than recursion can follow. */
export const bottomless: string = nested(100_000)

/** Replaces a member in the text of a JSON object. Without values the member is left out; several values repeat it. */
export function withMember(json: string, name: string, ...values: readonly (string | undefined)[]): string {
  const others = Object.entries(JSON.parse(json) as object).filter(([other]) => other !== name)
  const members = others.map(([other, value]) => `${JSON.stringify(other)}:${JSON.stringify(value)}`)
  for (const value of values) if (value !== undefined) members.push(`${JSON.stringify(name)}:${value}`)
  return `{${members.join(',')}}`
}

/** The value that a JSON parser reads; `undefined` if the member is left out. */
export function parsed(json: string | undefined): unknown {
  return json === undefined ? undefined : JSON.parse(json)
}
