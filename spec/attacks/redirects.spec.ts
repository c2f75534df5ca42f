/** Open redirects: every redirect stays on the origin of the application, for any target from any input. */
import * as fc from 'fast-check'
import { createUserAgent } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import { toLocalPath, toLocalReferer } from '../../lib/core/urls.ts'
import { depth, runs } from '../support/depth.ts'
import { flow, publicOrigin, response } from '../support/flow.ts'
import { queryValue } from './raw-http.ts'
import { families, goodSamples, goodTargets, type Family } from './redirect-corpus.ts'
import { sendRaw, startAtPublicOrigin, stored, listWays } from './redirect-ways.ts'

const world = flow()
const hostile = families.flatMap(({ targets }) => targets)

/**
 * Two targets of a family: the first, and the first that `toLocalPath()` accepts, since a rejected target does not show how
 * accepted ones are processed.
 */
function samples({ targets }: Family): string[] {
  const taken = targets.find((target) => toLocalPath(target, publicOrigin) !== undefined)
  return [...new Set([...targets.slice(0, 1), ...(taken === undefined ? [] : [taken])])]
}

// `toLocalPath()` decides about targets and is tested with all of them below. The inputs get all of them only in the deep
// run.
const isDeep = depth() === 'deep'
const sentHostile = isDeep ? hostile : families.flatMap(samples)
const sentGood = isDeep ? goodTargets : goodSamples
const timeout = isDeep ? 300_000 : 20_000

function decodedOnce(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (octets) =>
    Buffer.from(octets.replaceAll('%', ''), 'hex').toString('utf8'),
  )
}

/** All readings of a URL by a browser, or by software in front of it. */
function readings(address: string): Set<string> {
  const texts = [address, decodedOnce(address)].flatMap((text) => {
    // WHATWG URL: removes tabs and line breaks anywhere, and other control characters and spaces at both ends.
    const stripped = text.replace(/[\t\n\r]/g, '').replace(/^[\0-\x20]+|[\0-\x20]+$/g, '')
    return [text, stripped, stripped.replaceAll('\\', '/')]
  })
  return new Set(texts)
}

/** Pages that may be the base of a URL. */
const standing = ['/', '/callback?code=x', '/deep/below/page?x=//y']

/** Why a URL would leave the origin or is not a plain path; undefined if it stays. */
function fault(address: string, origin: string): string | undefined {
  for (const reading of readings(address)) {
    for (const page of standing) {
      const base = origin + page
      if (!URL.canParse(reading, base) || new URL(reading, base).origin !== origin) return `leaves as ${reading}`
    }
  }
  const path = address.startsWith(origin) ? address.slice(origin.length) : address
  return /^\/(?![/\\]|%2f|%5c)[\x21-\x5b\x5d-\x7e]*$/i.test(path) ? undefined : 'is no plain path'
}

/** The faults of the URLs that result from a target, one line each. */
function findFaults(target: string, addresses: readonly string[], origin = publicOrigin): string[] {
  return addresses.flatMap((address) => {
    const found = fault(address, origin)
    return found ? [`${JSON.stringify(target)} -> ${JSON.stringify(address)} ${found}`.slice(0, 300)] : []
  })
}

/** Sends each target, and checks that the results stay on the origin. */
async function allStay(
  send: (target: string) => Promise<readonly string[]>,
  targets: readonly string[],
): Promise<void> {
  const faults: string[] = []
  for (const target of targets) faults.push(...findFaults(target, await send(target)))
  expect(faults).toEqual([])
}

describe('the corpus of redirect targets', () => {
  it(
    'the corpus has at least 300 hostile and 60 valid targets, without duplicates',
    { meta: { id: 'redirects-1' } },
    () => {
      expect(new Set(hostile).size).toBe(hostile.length)
      expect(hostile.length).toBeGreaterThanOrEqual(300)
      expect(new Set(goodTargets).size).toBe(goodTargets.length)
      expect(goodTargets.length).toBeGreaterThanOrEqual(60)
    },
  )

  it('at least 200 hostile targets leave the origin, and no valid target does', () => {
    const leaving = hostile.filter((target) => fault(target, publicOrigin)?.startsWith('leaves'))
    expect(leaving.length).toBeGreaterThanOrEqual(200)
    for (const target of goodTargets) expect(fault(target, publicOrigin)).toBeUndefined()
  })

  it('the valid samples are part of the corpus, without duplicates', () => {
    for (const target of goodSamples) expect(goodTargets).toContain(target)
    expect(new Set(goodSamples).size).toBe(goodSamples.length)
  })

  it('each family has samples, and most have one that toLocalPath() accepts', () => {
    for (const family of families) expect(samples(family).length).toBeGreaterThan(0)
    const taken = families.filter((family) => samples(family).some((target) => toLocalPath(target, publicOrigin)))
    expect(taken.length).toBeGreaterThan(families.length / 2)
  })
})

const sentFrom = [publicOrigin, 'http://127.0.0.1:3000', 'https://app.example.com:8443']

describe.each(families.map((family) => [family.name, family.targets] as const))(
  'toLocalPath() and toLocalReferer() with %s',
  (_name, targets) => {
    it.each(sentFrom)('toLocalPath() returns a path that stays on %s, or undefined', (origin) => {
      const faults = targets.flatMap((target) => {
        const path = toLocalPath(target, origin)
        // Paths are also appended to a base path and to the origin.
        return path === undefined ? [] : findFaults(target, [path, `/shop${path}`, origin + path], origin)
      })
      expect(faults).toEqual([])
    })

    it('toLocalPath() returns its own results unchanged', () => {
      const paths = targets.flatMap((target) => toLocalPath(target, publicOrigin) ?? [])
      expect(paths.map((path) => toLocalPath(path, publicOrigin))).toEqual(paths)
    })

    it('toLocalPath() accepts only targets that stay on the origin, from any page', () => {
      const taken = targets.filter((target) => toLocalPath(target, publicOrigin) !== undefined)
      for (const target of taken) {
        for (const page of standing) expect(new URL(target, publicOrigin + page).origin).toBe(publicOrigin)
      }
    })

    it('toLocalReferer() returns a path that stays on the origin, or undefined', () => {
      const faults = targets.flatMap((target) => {
        const referers = ['', publicOrigin, `${publicOrigin}/`].map((before) => before + target)
        // Node decodes the octets of a header as latin1.
        const texts = referers.flatMap((text) => [text, Buffer.from(text, 'utf8').toString('latin1')])
        return findFaults(
          target,
          texts.flatMap((text) => toLocalReferer(text, publicOrigin) ?? []),
        )
      })
      expect(faults).toEqual([])
    })
  },
)

describe('toLocalPath() and toLocalReferer() with a valid target', () => {
  it.each(sentFrom)('toLocalPath() returns a valid target unchanged on %s', (origin) => {
    expect(goodTargets.map((target) => toLocalPath(target, origin))).toEqual(goodTargets)
  })

  it('toLocalReferer() returns a valid target without its fragment', () => {
    const paths = goodTargets.map((target) => target.split('#')[0])
    expect(goodTargets.map((target) => toLocalReferer(publicOrigin + target, publicOrigin))).toEqual(paths)
  })
})

const ways = listWays(world)

// The slowest spec of the deep run: more than 500 targets at 20 inputs, some of which need a whole login for each.
describe('a hostile redirect target', { meta: { id: 'redirects-2' } }, () => {
  it.each(Object.entries(ways))(
    'a hostile target stays on the origin as %s',
    async (_name, way) => {
      await allStay(await way(), sentHostile)
    },
    timeout,
  )
})

describe('a valid redirect target', { timeout }, () => {
  // Without encoding, each `&` would start another parameter.
  const carrying = Object.entries(ways).filter(([name]) => !name.includes('not encoded'))

  it.each(carrying)('a valid target remains unchanged as %s', async (name, way) => {
    const prefix = name.includes('below a prefix') ? '/shop' : ''
    const send = await way()
    for (const target of sentGood) {
      if ((prefix + target).length > 2048) continue
      // Requests contain no fragment.
      const sent = /request target|Referer/.test(name) ? (target.split('#')[0] as string) : target
      const out = await send(sent)
      // The start page is not guarded, so a request for it does not redirect.
      if (out.length === 0 && /^\/(?:\?|$)/.test(sent) && name.includes('request target')) continue
      // Without a cookie, only a page that fits into `state` is known.
      if (out.length === 0 && sent.length > 200 && /without its cookie|cookie is missing/.test(name)) continue
      expect(out.map((address) => address.replace(/^https:\/\/[^/]+/, ''))).toContain(prefix + sent)
    }
  })
})

describe('a returnTo', () => {
  it('a whole login keeps a hostile returnTo on the origin and a valid one unchanged', async () => {
    const app = await startAtPublicOrigin(world)
    const agent = createUserAgent({ baseUrl: publicOrigin, proxies: { [publicOrigin]: app.url } })
    const end = async (target: string): Promise<string> => {
      const callback = await response(agent, `/login?returnTo=${queryValue(target)}`)
      return (await agent.get(callback, { redirect: 'manual' })).headers.get('location') ?? 'none'
    }
    for (const {
      targets: [target = ''],
    } of families)
      expect(fault(await end(target), publicOrigin)).toBeUndefined()
    for (const target of sentGood) expect(await end(target)).toBe(target)
  })

  it('a returnTo cannot add parameters to the authorization request', async () => {
    const app = await startAtPublicOrigin(world)
    const requested = async (target: string): Promise<string[]> => {
      const answer = await sendRaw(app, `/login?returnTo=${queryValue(target)}`)
      return [...new URL(answer.get('Location') ?? '').searchParams.keys()].toSorted()
    }
    const usual = await requested('/')
    expect(usual).toContain('redirect_uri')
    for (const end of ['&', '?', '#', '%26', '%2526', ';', '\u0026', '&amp;', '\n']) {
      const target = `/path${end}${['prompt=none', 'scope=admin', 'redirect_uri=//evil.example', 'state=x'].join(end)}`
      expect(await requested(target)).toEqual(usual)
    }
  })
})

const pieces = fc.constantFrom(
  ...String.raw`/ // \ . .. %2e %2E %2f %2F %5c %5C %00 %09 %0a %0d%0a % %25 ? # @ : ; & a https: javascript:`.split(
    ' ',
  ),
  ...[
    ' ',
    '\t',
    '\n',
    '\r',
    '\0',
    '\u007f',
    '\u0085',
    '\u00a0',
    '\u2028',
    '\uff0f',
    '\u3002',
    '\u00e9',
    '\ud800',
  ].concat('evil.example', 'app.example.com'),
)
const joined = fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join(''))
const bent = fc
  .tuple(fc.constantFrom(...hostile.filter(({ length }) => length < 200)), fc.nat(40), pieces)
  .map(([target, at, piece]) => target.slice(0, at) + piece + target.slice(at))
const targets = fc.oneof(
  joined,
  joined.map((text) => `/${text}`),
  bent,
  fc.constantFrom(...hostile),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.webUrl(),
)

/** Characters and octets that are valid anywhere and remain unchanged (RFC 3986 3.3 to 3.5). */
const plain = fc.constantFrom(...'abcXYZ0189-_~!$&()*+,;=:@'.split(''), '%20', '%25', '%C3%A9', '%ff', '%3F', '%23')
const segment = fc.array(plain, { minLength: 1, maxLength: 8 }).map((parts) => parts.join(''))
const tail = fc.array(fc.oneof(plain, fc.constantFrom('/', '//', '?', '.', '..', '%2f', '%5c', '%0d%0a')), {
  minLength: 1,
  maxLength: 10,
})
const goodPaths = fc
  .tuple(
    segment,
    fc.array(fc.oneof(segment, fc.constantFrom('', '...', 'a.b', '.a', '%2f')), { maxLength: 5 }),
    fc.option(tail),
    fc.option(tail),
  )
  .map(
    ([first, others, query, fragment]) =>
      `/${[first, ...others].join('/')}${query ? `?${query.join('')}` : ''}${fragment ? `#${fragment.join('')}` : ''}`,
  )

const origins = fc.constantFrom(
  publicOrigin,
  'http://127.0.0.1:3000',
  'http://[::1]:8080',
  'https://app.example.com:8443',
  'https://xn--caf-dma.example',
)

describe('toLocalPath() with arbitrary targets', { timeout, meta: { id: 'redirects-3' } }, () => {
  it('toLocalPath() returns a path on the origin that it accepts unchanged, or undefined', () => {
    fc.assert(
      fc.property(targets, origins, (target, origin) => {
        const path = toLocalPath(target, origin)
        if (path === undefined) return
        expect(fault(path, origin)).toBeUndefined()
        expect(toLocalPath(path, origin)).toBe(path)
        // This also holds in an absolute URL, as at a logout, and below a base path.
        expect(fault(origin + path, origin)).toBeUndefined()
        expect(fault(`/shop${path}`, origin)).toBeUndefined()
      }),
      { numRuns: runs(5000) },
    )
  })

  it('toLocalPath() returns any plain path unchanged', () => {
    fc.assert(
      fc.property(goodPaths, origins, (target, origin) => {
        expect(toLocalPath(target, origin)).toBe(target)
      }),
      { numRuns: runs(2000) },
    )
  })
})

describe('toLocalReferer() with arbitrary headers', { timeout }, () => {
  it('toLocalReferer() returns a path of this origin, or undefined', () => {
    const referers = fc.oneof(
      targets,
      ...['', '/', '@', '.'].map((glue) => targets.map((one) => publicOrigin + glue + one)),
    )
    fc.assert(
      fc.property(referers, (referer) => {
        // Node decodes the octets of a header as latin1.
        for (const text of [referer, Buffer.from(referer, 'utf8').toString('latin1')]) {
          const path = toLocalReferer(text, publicOrigin)
          if (path !== undefined) expect(fault(path, publicOrigin)).toBeUndefined()
        }
      }),
      { numRuns: runs(5000) },
    )
  })

  it('toLocalReferer() rejects an invalid URL, even after many calls', () => {
    // Once it is optimized, the URL.canParse of Node.js 20 reads such octets as UTF-8, and so accepts them as URLs.
    for (let count = 0; count < 200_000; count++) toLocalReferer(`${publicOrigin}/page${count % 10}`, publicOrigin)
    const octets = Buffer.from('https://app.example.com\u2044evil.example/', 'utf8').toString('latin1')
    expect(toLocalReferer(octets, publicOrigin)).toBeUndefined()
  })
})

describe('arbitrary targets over HTTP', { timeout }, () => {
  const numRuns = runs(150)

  it.each(['', '/shop'])(
    'an arbitrary returnTo stays on the origin, with the base path "%s"',
    { meta: { id: 'redirects-4' } },
    async (basePath) => {
      const app = await startAtPublicOrigin(world, { basePath, ...(basePath && { mount: basePath }) })
      await fc.assert(
        fc.asyncProperty(targets, async (target) => {
          const answer = await sendRaw(app, `${basePath}/login?returnTo=${queryValue(target)}`)
          expect(answer.status).toBe(302)
          expect(fault(stored(answer, basePath), publicOrigin)).toBeUndefined()
        }),
        { numRuns },
      )
    },
  )

  it('any plain path as returnTo remains unchanged', async () => {
    const app = await startAtPublicOrigin(world)
    await fc.assert(
      fc.asyncProperty(goodPaths, async (target) => {
        expect(stored(await sendRaw(app, `/login?returnTo=${queryValue(target)}`))).toBe(target)
      }),
      { numRuns },
    )
  })

  it.each(['', '/shop'])(
    'an arbitrary request target stays on the origin, with the base path "%s" stripped',
    async (basePath) => {
      const app = await startAtPublicOrigin(world, {
        basePath,
        routes: (express, oidc) => void express.use(oidc.requireAuth()),
      })
      await fc.assert(
        fc.asyncProperty(targets, async (target) => {
          const answer = await sendRaw(app, target.startsWith('/') ? target : `/${target}`)
          if (answer.status === 302) expect(fault(stored(answer, basePath), publicOrigin)).toBeUndefined()
          else expect(answer.all('Set-Cookie')).toEqual([])
        }),
        { numRuns },
      )
    },
  )

  it('an arbitrary return value of afterLogin stays on the origin', async () => {
    const send = await (ways['the return value of afterLogin'] as (typeof ways)[string])()
    await fc.assert(
      fc.asyncProperty(targets, async (target) => {
        for (const address of await send(target)) expect(fault(address, publicOrigin)).toBeUndefined()
      }),
      { numRuns: runs(40) },
    )
  })
})
