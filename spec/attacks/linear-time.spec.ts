/** The time that a request costs is linear in its bytes: twice the text takes at most three times as long. */
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { readSources } from '../../scripts/layers.js'
import { doubling } from '../support/growth.ts'
import { hashesCollide, hostileShapes } from './hostile-shapes.ts'
import { resemble, textReaders, type TextReader } from './text-readers.ts'

const most = 3
/** Node rejects larger headers. */
const headerBytes = 16_384

/** Returns the shapes for which a function takes more than linear time. */
async function findSlowShapes({ read, longest }: TextReader, shapes = hostileShapes): Promise<string[]> {
  const slow: string[] = []
  for (const { name, write } of shapes) {
    const ratio = await doubling(read, write, longest ?? headerBytes, longest)
    if (ratio > most) slow.push(`${name}: ${ratio.toFixed(1)} times`)
  }
  return slow
}

/** Folders and files of lib/ whose functions read what a request contains. */
const places = [
  ...['request', 'guards', 'routes', 'response'].map((folder) => `http/${folder}/`),
  'session/',
  'tokens/',
  ...['scope', 'short-hash', 'trim', 'urls'].map((name) => `core/${name}.ts`),
  'store/browser-record.ts',
]

/** Types of parameters that can have text of a client or another party. */
const textTypes = /\b(?:string|unknown|\w*Claims|Request|IncomingMessage|URLSearchParams|ReadonlyMap|HandlerContext)\b/

/** Functions with such a parameter that are not measured, after the reason. */
const unmeasured: readonly (readonly [string, string])[] = [
  ['it only calls functions that are measured', 'authorize authorizeLogin verifyGivenToken answerFault canStepUpNow'],
  [
    'it only calls functions that are measured',
    'reportRefusal requireSession loadState warnOfSetup warnOfCookieName readUnverifiedIssuer',
  ],
  [
    'it only calls functions that are measured',
    'handleBackchannelLogout handleCallbackPost handleCallback startLogin runCallback',
  ],
  ['it only calls functions that are measured', 'handleFrontchannelLogout handleLogout startLogout sendToProvider'],
  [
    'it only calls functions that are measured',
    'sendRedirect reportError loginFailed canBeForced verifyBeforeIntrospection',
  ],
  ['it calls functions of the application', 'findRuleFault listIssuers addDistributedClaims'],
  [
    'it looks up an object',
    'ensureState ensureReport getRequestState findEntry findPassedInstance isKeyMismatch detachSession findSessionId',
  ],
  [
    'its texts are those of lib/ or of the options',
    'crossSiteRefused responseMisplaced tokenInvalid makeCookiePlace makeCookie clearLogin',
  ],
  [
    'its texts are those of lib/ or of the options',
    'makePlainLogin serveResourceMetadata loginRequired sendJson isUserNeeded',
  ],
  [
    'its texts are ids, and what was sealed or checked before',
    'makeReturnParameters stayAnonymous makeDetailsCookie createProgressCookie clearProgressCookie addSession',
  ],
  ['its texts are ids, and what was sealed or checked before', 'deriveLoginSecrets findTrust makeMarkCookie'],
  [
    'its text is the id of a session, or the name of an instance',
    'isSessionAlive findSessionInUse destroySession carryOver',
  ],
  ['it is the part of other functions that calls jose', 'verifyFresh verifyPresented verifyWith findTokenHint'],
  ['its token was verified, or the provider has just issued it', 'findKeysWithKid decodeStoredIdToken'],
  ['its token was verified, or the provider has just issued it', 'verifyOwnAccessToken verifyUserInfo'],
]

/** Lists the exported functions with a parameter of such a type. */
function listCandidates(): string[] {
  const { sources } = readSources(join(import.meta.dirname, '../../lib'))
  const files = [...sources].filter(([file]) => places.some((place) => file.startsWith(place)))
  return files.flatMap(([, source]) =>
    source.statements
      .filter(ts.isFunctionDeclaration)
      .filter(({ modifiers }) => modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword))
      .filter(({ parameters }) => parameters.some(({ type }) => type && textTypes.test(type.getText(source))))
      .map(({ name }) => name?.text as string),
  )
}

const node = process.versions.node
if (hashesCollide(node)) console.info(`no text of colliding numbers: Node ${node} lacks the fix of CVE-2026-21717`)

describe('the list of functions that read text', () => {
  it('each function that can get text of a request is measured, or has a reason not to be', () => {
    const candidates = listCandidates()
    const excused = unmeasured.flatMap(([, names]) => names.split(' '))
    expect(candidates.length).toBeGreaterThan(40)
    expect(candidates.filter((name) => !(name in textReaders) && !excused.includes(name))).toEqual([])
    expect(excused.filter((name) => !candidates.includes(name) || name in textReaders)).toEqual([])
  })
})

describe('the fix of CVE-2026-21717', () => {
  it.each([
    ['18.20.8', true],
    ['20.19.0', true],
    ['20.20.1', true],
    ['20.20.2', false],
    ['22.22.1', true],
    ['22.23.0', false],
    ['23.11.1', true],
    ['24.14.1', false],
    ['25.8.1', true],
    ['26.0.0', false],
  ])('hashesCollide() returns for Node %s: %s', (version, expected) => {
    expect(hashesCollide(version)).toBe(expected)
  })
})

// A busy machine can prolong a measurement, so each test may be retried.
describe('the time to read hostile text', () => {
  it.each(Object.entries(textReaders))('%s takes linear time for hostile text', { retry: 2 }, async (_name, reader) => {
    expect(await findSlowShapes(reader)).toEqual([])
  })

  // Short texts, because the long ones take seconds.
  it.each<[string, string, TextReader]>([
    [
      'trimming as in commit 2f0f308',
      'a run of " " inside',
      { read: (text) => text.replace(/^[ \t]+|[ \t]+$/g, ''), longest: 4096 },
    ],
    [
      'the URL parser of Node',
      'a host of percent-encoded accents',
      { read: (text) => URL.canParse(text), longest: headerBytes },
    ],
    ['replaceAll()', 'a run of "a"', { read: (text) => text.replaceAll(resemble(text), ''), longest: headerBytes }],
  ])('the measurement finds that %s takes more than linear time', { retry: 2 }, async (_name, shape, reader) => {
    const shapes = hostileShapes.filter(({ name }) => name === shape)
    expect(await findSlowShapes(reader, shapes)).toHaveLength(1)
  })
})
