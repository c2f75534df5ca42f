/** Open redirects: whatever goes in, wherever it goes in, what comes out is on the origin of the application. */
import * as fc from 'fast-check'
import { createUserAgent } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import { localPath, localReferer } from '../../lib/core/urls.ts'
import { depth, runs } from '../support/depth.ts'
import { flow, publicOrigin, response } from '../support/flow.ts'
import { queryValue } from './raw-http.ts'
import { families, goodSamples, goodTargets, type Family } from './redirect-corpus.ts'
import { sendRaw, startAtPublicOrigin, stored, waysOf } from './redirect-ways.ts'

const world = flow()
const hostile = families.flatMap(({ targets }) => targets)

/**
 * Two targets of a family: the first, and the first that is taken for a path on this origin, since what is refused says
 * nothing of the way that a path takes.
 */
function samples({ targets }: Family): string[] {
  const taken = targets.find((target) => localPath(target, publicOrigin) !== undefined)
  return [...new Set([...targets.slice(0, 1), ...(taken === undefined ? [] : [taken])])]
}

// What judges a target is `localPath`, which gets all of them below. The entrances get all of them in depth.
const isDeep = depth() === 'deep'
const sentHostile = isDeep ? hostile : families.flatMap(samples)
const sentGood = isDeep ? goodTargets : goodSamples
const timeout = isDeep ? 300_000 : 20_000

function decodedOnce(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (octets) =>
    Buffer.from(octets.replaceAll('%', ''), 'hex').toString('utf8'),
  )
}

/** What a browser, or who handles the text before it gets there, may make of an address. */
function readings(address: string): Set<string> {
  const texts = [address, decodedOnce(address)].flatMap((text) => {
    // WHATWG URL: tabs and line breaks go wherever they are, other control characters and spaces at both ends.
    const stripped = text.replace(/[\t\n\r]/g, '').replace(/^[\0-\x20]+|[\0-\x20]+$/g, '')
    return [text, stripped, stripped.replaceAll('\\', '/')]
  })
  return new Set(texts)
}

/** Pages on which the browser may stand when it reads an address. */
const standing = ['/', '/callback?code=x', '/deep/below/page?x=//y']

/** How an address would leave an origin, or is not one plain path of it; undefined where it stays. */
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

/** The faults of what comes out of a target, each as one line. */
function findFaults(target: string, addresses: readonly string[], origin = publicOrigin): string[] {
  return addresses.flatMap((address) => {
    const found = fault(address, origin)
    return found ? [`${JSON.stringify(target)} -> ${JSON.stringify(address)} ${found}`.slice(0, 300)] : []
  })
}

/** Sends each target in, and holds what comes out against the origin. */
async function allStay(
  send: (target: string) => Promise<readonly string[]>,
  targets: readonly string[],
): Promise<void> {
  const faults: string[] = []
  for (const target of targets) faults.push(...findFaults(target, await send(target)))
  expect(faults).toEqual([])
}

describe('the corpus', () => {
  it('has at least 300 hostile targets and 60 good ones, none twice', { meta: { id: 'redirects-1' } }, () => {
    expect(new Set(hostile).size).toBe(hostile.length)
    expect(hostile.length).toBeGreaterThanOrEqual(300)
    expect(new Set(goodTargets).size).toBe(goodTargets.length)
    expect(goodTargets.length).toBeGreaterThanOrEqual(60)
  })

  it('has targets that do lead elsewhere, and others that do not', () => {
    const leaving = hostile.filter((target) => fault(target, publicOrigin)?.startsWith('leaves'))
    expect(leaving.length).toBeGreaterThanOrEqual(200)
    for (const target of goodTargets) expect(fault(target, publicOrigin)).toBeUndefined()
  })

  it('has a good target of each kind among its samples', () => {
    for (const target of goodSamples) expect(goodTargets).toContain(target)
    expect(new Set(goodSamples).size).toBe(goodSamples.length)
  })

  it('has samples of each family, and of most families one that is taken for a path', () => {
    for (const family of families) expect(samples(family).length).toBeGreaterThan(0)
    const taken = families.filter((family) => samples(family).some((target) => localPath(target, publicOrigin)))
    expect(taken.length).toBeGreaterThan(families.length / 2)
  })
})

const sentFrom = [publicOrigin, 'http://127.0.0.1:3000', 'https://app.example.com:8443']

describe.each(families.map((family) => [family.name, family.targets] as const))('of %s', (_name, targets) => {
  it.each(sentFrom)('localPath makes paths that stay on %s, or none', (origin) => {
    const faults = targets.flatMap((target) => {
      const path = localPath(target, origin)
      // A path is written below a base path, and behind the origin, too.
      return path === undefined ? [] : findFaults(target, [path, `/shop${path}`, origin + path], origin)
    })
    expect(faults).toEqual([])
  })

  it('localPath makes paths that it leaves as they are', () => {
    const paths = targets.flatMap((target) => localPath(target, publicOrigin) ?? [])
    expect(paths.map((path) => localPath(path, publicOrigin))).toEqual(paths)
  })

  it('localPath takes none that leads elsewhere from where a browser stands', () => {
    const taken = targets.filter((target) => localPath(target, publicOrigin) !== undefined)
    for (const target of taken) {
      for (const page of standing) expect(new URL(target, publicOrigin + page).origin).toBe(publicOrigin)
    }
  })

  it('localReferer makes paths that stay on this origin, or none', () => {
    const faults = targets.flatMap((target) => {
      const referers = ['', publicOrigin, `${publicOrigin}/`].map((before) => before + target)
      // A header's octets arrive as latin1.
      const texts = referers.flatMap((text) => [text, Buffer.from(text, 'utf8').toString('latin1')])
      return findFaults(
        target,
        texts.flatMap((text) => localReferer(text, publicOrigin) ?? []),
      )
    })
    expect(faults).toEqual([])
  })
})

describe('a good target', () => {
  it.each(sentFrom)('comes out of localPath as it went in on %s', (origin) => {
    expect(goodTargets.map((target) => localPath(target, origin))).toEqual(goodTargets)
  })

  it('comes out of localReferer without its fragment', () => {
    const paths = goodTargets.map((target) => target.split('#')[0])
    expect(goodTargets.map((target) => localReferer(publicOrigin + target, publicOrigin))).toEqual(paths)
  })
})

const ways = waysOf(world)

// In depth the longest of these specs: more than 500 targets in 20 ways, some of which take a whole login each.
describe('a hostile target stays on this origin', { meta: { id: 'redirects-2' } }, () => {
  it.each(Object.entries(ways))(
    'as %s',
    async (_name, way) => {
      await allStay(await way(), sentHostile)
    },
    timeout,
  )
})

describe('a good target comes out as it went in', { timeout }, () => {
  // Not encoded, another parameter would begin with each `&`.
  const carrying = Object.entries(ways).filter(([name]) => !name.includes('not encoded'))

  it.each(carrying)('as %s', async (name, way) => {
    const prefix = name.includes('below a prefix') ? '/shop' : ''
    const send = await way()
    for (const target of sentGood) {
      if ((prefix + target).length > 2048) continue
      // No request has a fragment.
      const sent = /request target|Referer/.test(name) ? (target.split('#')[0] as string) : target
      const out = await send(sent)
      // The start page of the application is not guarded, so that nothing comes of a request for it.
      if (out.length === 0 && /^\/(?:\?|$)/.test(sent) && name.includes('request target')) continue
      expect(out.map((address) => address.replace(/^https:\/\/[^/]+/, ''))).toContain(prefix + sent)
    }
  })
})

describe('a returnTo', () => {
  it('goes all the way through the provider: one of each family, and the good ones', async () => {
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

  it('adds nothing to the authorization request, whatever stands in it', async () => {
    const app = await startAtPublicOrigin(world)
    const asked = async (target: string): Promise<string[]> => {
      const answer = await sendRaw(app, `/login?returnTo=${queryValue(target)}`)
      return [...new URL(answer.get('Location') ?? '').searchParams.keys()].toSorted()
    }
    const usual = await asked('/')
    expect(usual).toContain('redirect_uri')
    for (const end of ['&', '?', '#', '%26', '%2526', ';', '\u0026', '&amp;', '\n']) {
      const target = `/path${end}${['prompt=none', 'scope=admin', 'redirect_uri=//evil.example', 'state=x'].join(end)}`
      expect(await asked(target)).toEqual(usual)
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

/** Of these characters and octets nothing is rewritten or refused, wherever they stand (RFC 3986 3.3 to 3.5). */
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

describe('whatever goes into localPath', { timeout, meta: { id: 'redirects-3' } }, () => {
  it('comes out on the origin, or not at all, and stays what it is when it goes in again', () => {
    fc.assert(
      fc.property(targets, origins, (target, origin) => {
        const path = localPath(target, origin)
        if (path === undefined) return
        expect(fault(path, origin)).toBeUndefined()
        expect(localPath(path, origin)).toBe(path)
        // Below any base path too, and in an absolute URL, as a logout has it.
        expect(fault(origin + path, origin)).toBeUndefined()
        expect(fault(`/shop${path}`, origin)).toBeUndefined()
      }),
      { numRuns: runs(5000) },
    )
  })

  it('comes out as it is where it is a plain path', () => {
    fc.assert(
      fc.property(goodPaths, origins, (target, origin) => {
        expect(localPath(target, origin)).toBe(target)
      }),
      { numRuns: runs(2000) },
    )
  })
})

describe('whatever Referer comes', { timeout }, () => {
  it('names a page of this origin, or none', () => {
    const referers = fc.oneof(
      targets,
      ...['', '/', '@', '.'].map((glue) => targets.map((one) => publicOrigin + glue + one)),
    )
    fc.assert(
      fc.property(referers, (referer) => {
        // A header's octets arrive as latin1.
        for (const text of [referer, Buffer.from(referer, 'utf8').toString('latin1')]) {
          const path = localReferer(text, publicOrigin)
          if (path !== undefined) expect(fault(path, publicOrigin)).toBeUndefined()
        }
      }),
      { numRuns: runs(5000) },
    )
  })

  it('is none where it is no URL, also in a process that has read many', () => {
    // Once it is compiled, the URL.canParse of Node.js 20 takes the octets of such texts for UTF-8, and them for URLs.
    for (let count = 0; count < 200_000; count++) localReferer(`${publicOrigin}/page${count % 10}`, publicOrigin)
    const octets = Buffer.from('https://app.example.com\u2044evil.example/', 'utf8').toString('latin1')
    expect(localReferer(octets, publicOrigin)).toBeUndefined()
  })
})

describe('whatever goes in by HTTP', { timeout }, () => {
  const numRuns = runs(150)

  it.each(['', '/shop'])(
    'as returnTo stays on this origin, with the base path "%s"',
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

  it('as a good returnTo comes out as it is', async () => {
    const app = await startAtPublicOrigin(world)
    await fc.assert(
      fc.asyncProperty(goodPaths, async (target) => {
        expect(stored(await sendRaw(app, `/login?returnTo=${queryValue(target)}`))).toBe(target)
      }),
      { numRuns },
    )
  })

  it.each(['', '/shop'])(
    'as request target stays on this origin, with the base path "%s" taken off',
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

  it('as what afterLogin returns stays on this origin', async () => {
    const send = await (ways['what afterLogin returns'] as (typeof ways)[string])()
    await fc.assert(
      fc.asyncProperty(targets, async (target) => {
        for (const address of await send(target)) expect(fault(address, publicOrigin)).toBeUndefined()
      }),
      { numRuns: runs(40) },
    )
  })
})
