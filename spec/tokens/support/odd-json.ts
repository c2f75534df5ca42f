/** Members of JSON that nobody expects, as text: what a provider sends need not be what a program could write. */

/** A value of a member, as JSON text; undefined: the member is left out. */
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

/** Values of every type, odd ones among them. */
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
  // What JSON calls so is Infinity once it is parsed.
  { name: '1e999', json: '1e999' },
  { name: '-1e999', json: '-1e999' },
  { name: '2 to the 31st', json: '2147483648' },
  { name: '2 to the 53rd, and one', json: '9007199254740993' },
  odd('an empty text', ''),
  odd('a text', 'text'),
  odd('a number as text', '300'),
  odd('a large number as text', '1e300'),
  odd('NaN as text', 'NaN'),
  odd('Infinity as text', 'Infinity'),
  odd('the text __proto__', '__proto__'),
  odd('the text constructor', 'constructor'),
  odd('markup', '"><script>alert(1)</script>'),
  odd('a text of spaces', '   '),
  odd('a text with line breaks', 'a\r\nSet-Cookie: x=y'),
  { name: 'a text with NUL, half a surrogate and a turned direction', json: '"a\\u0000\\ud800\\u202e"' },
  odd('a text of 255 characters', 'x'.repeat(255)),
  odd('a text of 256 characters', 'x'.repeat(256)),
  odd('an empty list', []),
  odd('a list with null', [null]),
  odd('a list of one text', ['text']),
  odd('a list in a list', [['text']]),
  odd('an empty object', {}),
  odd('an object', { text: ['text'] }),
  {
    name: 'an object with __proto__',
    json: '{"__proto__":{"sub":"mallory","roles":["admin"],"isAuthenticated":true}}',
  },
  { name: 'an object with constructor', json: '{"constructor":{"prototype":{"sub":"mallory"}}}' },
  odd('an object like a list', { length: 1e9, 0: 'admin' }),
  odd('an object like a text', { toString: 'text', valueOf: null }),
  { name: 'lists in lists, a thousand deep', json: nested(1000) },
]

/** Odd values as the rows of a table. */
export function named(values: readonly Odd[]): (readonly [name: string, json: string | undefined])[] {
  return values.map(({ name, json }) => [name, json])
}

/** Times that are none, or of another unit. */
export function oddTimes(): Odd[] {
  const now = Date.now()
  const seconds = Math.floor(now / 1000)
  return [
    { name: 'now', json: `${seconds}` },
    { name: 'now with a fraction', json: `${seconds}.5` },
    { name: 'now as text', json: `"${seconds}"` },
    { name: 'now in a list', json: `[${seconds}]` },
    { name: 'now in milliseconds', json: `${now}` },
    { name: 'now in microseconds', json: `${now * 1000}` },
    odd('now as a date', new Date(now).toISOString()),
    { name: 'half an hour ago', json: `${seconds - 1800}` },
    { name: 'in half an hour', json: `${seconds + 1800}` },
    { name: 'in 2039', json: '2177452800' },
    { name: 'the last moment of all dates', json: '8640000000000' },
  ]
}

/** Lists in lists, deeper than what can be walked through by recursion. */
export const bottomless: string = nested(100_000)

/** The text of a JSON object with one member replaced by such texts: none leaves it out, several make it come again. */
export function withMember(json: string, name: string, ...values: readonly (string | undefined)[]): string {
  const others = Object.entries(JSON.parse(json) as object).filter(([other]) => other !== name)
  const members = others.map(([other, value]) => `${JSON.stringify(other)}:${JSON.stringify(value)}`)
  for (const value of values) if (value !== undefined) members.push(`${JSON.stringify(name)}:${value}`)
  return `{${members.join(',')}}`
}

/** What a parser makes of an odd value. */
export function parsed(json: string | undefined): unknown {
  return json === undefined ? undefined : JSON.parse(json)
}
