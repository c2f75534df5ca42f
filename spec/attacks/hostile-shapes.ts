/** Texts of any length on which careless parsers take quadratic time. */

/** A family of texts, one for each length. */
export interface HostileShape {
  readonly name: string
  readonly write: (length: number) => string
}

/** Repeats a pattern, and cuts the text to the length. */
function fill(pattern: string, length: number): string {
  return pattern.repeat(Math.ceil(length / pattern.length)).slice(0, length)
}

/** Characters that a parser skips, counts, splits at or decodes. */
const runs = ['a', '0', ' ', '\t', '/', '.', ',', ';', '=', '&', '?', '#', '%', '+', '-', '\\', '"', '[', '<', '\u00e9']

/** Those of them that a parser may skip up to a character that it then does not find. */
const innerRuns = [' ', '\t', '/', ',', ';', '=', '\\', '"']

/** Parts that make a parser begin anew at each of them. */
const alternations = [
  'a ',
  'a=',
  ';=',
  'a=1&',
  'a=1; ',
  ', ',
  'a,',
  '=&',
  '/.',
  '/../',
  '/a/..',
  '%2e%2e/',
  '%2',
  '%zz',
  '%25',
  '\\"',
  'a="',
  '{"a":',
  '[{',
  'a.',
  '\r\n',
  '\ud800a',
  'a\u0301',
]

/** Starts of texts that do not end in the way that their format requires. */
const unterminated: readonly (readonly [string, string])[] = [
  ['a="', 'b'],
  ['a="', '\\'],
  ['Bearer ', ' '],
  ['Bearer ', 'a'],
  ['text/html', ' '],
  ['{"a":"', '\\u0061'],
  ['http://xn--', 'a'],
  ['http://xn--', 'a9'],
  ['http://', 'a.'],
  ['http://', '%C3%A9'],
  ['http://', '\u00e9\u0323\u0301'],
  ['http://[', ':'],
  ['http://a@', '@'],
  ['/', '../'],
]

/**
 * Without the fix of CVE-2026-21717, Node hashes the text of such a number to the number itself. The lowest bits of these
 * numbers are equal, so they share a bucket of a hash table.
 */
const collidingNumber = (index: number): number => (index + 1) * 4096

/** The first version of each release line that has the fix of CVE-2026-21717. */
const fixedVersions = ['20.20.2', '22.22.2', '24.14.1', '25.8.2']

/** Whether every Map and Set of this version of Node takes quadratic time for colliding numbers, however it is used. */
export function hashesCollide(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
  const fixed = fixedVersions.map((text) => text.split('.').map(Number))
  const line = fixed.find(([first]) => first === major)
  if (!line) return major < 25
  const [, fixedMinor = 0, fixedPatch = 0] = line
  return minor < fixedMinor || (minor === fixedMinor && patch < fixedPatch)
}

function list(item: (index: number) => string, length: number): string {
  const items: string[] = []
  for (let size = 0; size < length; size += (items.at(-1) as string).length) items.push(item(items.length))
  return items.join('').slice(0, length)
}

/** Shapes that this package can only read in linear time if Node can. */
const collidingShapes: readonly HostileShape[] = [
  { name: 'cookies that share a bucket', write: (length) => list((index) => `${collidingNumber(index)}=;`, length) },
  { name: 'words that share a bucket', write: (length) => list((index) => `${collidingNumber(index)} `, length) },
]

/** All shapes that Node itself reads in linear time. */
export const hostileShapes: readonly HostileShape[] = [
  ...runs.map((run) => ({ name: `a run of ${JSON.stringify(run)}`, write: (length: number) => fill(run, length) })),
  ...innerRuns.map((run) => ({
    name: `a run of ${JSON.stringify(run)} inside`,
    write: (length: number) => `a${fill(run, length / 2 - 3)}x=a${fill(run, length / 2 - 3)}x`,
  })),
  ...alternations.map((part) => ({
    name: `repeated ${JSON.stringify(part)}`,
    write: (length: number) => fill(part, length),
  })),
  ...unterminated.map(([start, run]) => ({
    name: `${JSON.stringify(start)} and a run of ${JSON.stringify(run)}`,
    write: (length: number) => `${start}${fill(run, length - start.length - 1)}!`,
  })),
  {
    name: 'a host of percent-encoded accents',
    write(length) {
      const half = Math.floor((length - 9) / 12)
      return `http://a${'%CC%81'.repeat(half)}${'%CC%A3'.repeat(half)}/`
    },
  },
  {
    name: 'a host of ideographs',
    write: (length) => `http://${list((index) => String.fromCharCode(0x4e00 + (index % 20_000)), length - 8)}/`,
  },
  { name: 'many cookies', write: (length) => list((index) => `a${index}=1; `, length) },
  { name: 'many parameters', write: (length) => list((index) => `a${index}=1&`, length) },
  { name: 'many words', write: (length) => list((index) => `a${index} `, length) },
  { name: 'many duplicate cookies', write: (length) => list((index) => `a${index >> 1}=1; `, length) },
  { name: 'nested brackets', write: (length) => '['.repeat(length >> 1) + ']'.repeat(length >> 1) },
  ...(hashesCollide(process.versions.node) ? [] : collidingShapes),
]
