/**
 * No regular expression of lib/ takes more than linear time. scslre finds quantifiers that exchange characters, and runs
 * that a match without an anchor tries again from each of their characters, such as `/\s+$/`.
 */
import { join } from 'node:path'
import { analyse } from 'scslre'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { alone, getRoom, readSources } from '../../scripts/layers.js'

/** A place in lib/ that creates a regular expression; `literal` is undefined if the expression is not given literally. */
interface Place {
  readonly file: string
  readonly text: string
  readonly literal: { readonly source: string; readonly flags: string } | undefined
}

/** Lists the regular expressions of a file: literals, and calls of `RegExp`. */
function listPlaces(file: string, source: ts.SourceFile): Place[] {
  const places: Place[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) {
      const end = node.text.lastIndexOf('/')
      const literal = { source: node.text.slice(1, end), flags: node.text.slice(end + 1) }
      places.push({ file, text: node.text, literal })
    }
    if ((ts.isNewExpression(node) || ts.isCallExpression(node)) && node.expression.getText(source) === 'RegExp') {
      places.push({ file, text: node.getText(source), literal: readArguments(node.arguments ?? []) })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return places
}

function readArguments([pattern, flags]: readonly ts.Expression[]): Place['literal'] {
  if (!pattern || !ts.isStringLiteralLike(pattern) || (flags && !ts.isStringLiteralLike(flags))) return undefined
  return { source: pattern.text, flags: flags ? flags.text : '' }
}

/** Returns what is wrong with a regular expression; undefined if its time is linear. */
function findFault({ literal }: Place): string | undefined {
  if (!literal) return 'not a literal'
  const { reports } = analyse(literal)
  const found = reports.map(({ type, character }) => `${type} for a run of ${character.literal.source}`)
  return found.length === 0 ? undefined : found.join(', ')
}

function findFaults(places: readonly Place[]): string[] {
  return places.flatMap((place) => {
    const fault = findFault(place)
    return fault === undefined ? [] : [`${place.file}: ${place.text}: ${fault}`]
  })
}

function placesIn(code: string): Place[] {
  return listPlaces('sample.ts', ts.createSourceFile('sample.ts', code, ts.ScriptTarget.ES2023, true))
}

describe('the regular expressions of lib/', () => {
  const { sources } = readSources(join(import.meta.dirname, '../../lib'))
  // The tools for tests read only what tests send them.
  const files = [...sources].filter(([file]) => !alone.includes(getRoom(file)))
  const places = files.flatMap(([file, source]) => listPlaces(file, source))

  it('the regular expressions of lib/ take linear time', () => {
    expect(places.length).toBeGreaterThan(40)
    expect(findFaults(places)).toEqual([])
  })

  it.each([
    // From lib/http/cookies.ts of commit 2f0f308: 345 ms for one Cookie header of 16 kB.
    String.raw`text.replace(/^[ \t]+|[ \t]+$/g, '')`,
    String.raw`/\s+$/`,
    String.raw`/x+$/`,
    String.raw`/[?#].*$/`,
    String.raw`/\s*,/`,
    String.raw`/^(?:a+)+$/`,
    String.raw`/^\s*a?\s*$/`,
    String.raw`new RegExp('\\s+$', 'u')`,
    'RegExp(`x+$`)',
    'new RegExp(pattern)',
    'new RegExp("a", flags)',
  ])('the check rejects %s', (code) => {
    expect(findFaults(placesIn(code))).toHaveLength(1)
  })

  it.each([
    String.raw`/\s+/g`,
    String.raw`/^\s*a/`,
    String.raw`/(?:^|,)\s*text\/html\s*(?:[;,]|$)/i`,
    String.raw`/^[\w-]+\.[\w-]+$/`,
    String.raw`RegExp('^a+$')`,
  ])('the check accepts %s', (code) => {
    expect(placesIn(code)).toHaveLength(1)
    expect(findFaults(placesIn(code))).toEqual([])
  })
})
