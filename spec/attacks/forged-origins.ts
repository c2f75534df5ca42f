/** Tokens of another issuer, for another audience, or for another purpose than access to an API. */
import type { TestProvider } from 'express-session-oidc/testing'
import { withId } from '../support/ids.ts'
import { type Forgery, type Mint } from './forged-tokens.ts'

const noKey = /no applicable key found/
const badSignature = /signature verification failed/

/** Tokens of another provider, and keys that must not be used. `rival` has its own issuer and keys. */
export async function otherPeoples(mint: Mint, rival: TestProvider): Promise<Forgery[]> {
  const { provider, claims, keys } = mint
  // This comes first, since it rotates the keys and so invalidates earlier signatures.
  const withdrawn = await withdrawnKeys(mint)
  const { issuer } = provider
  const theirs = { ...claims, iss: rival.issuer }
  const kid = provider.keys.keys[0]?.kid
  const control = await provider.sign({ ...claims })
  const two = { issuer: [{ issuer }, { issuer: rival.issuer, audience: 'theirs' }] }
  const forgeries: Forgery[] = [
    { name: "another provider's token", token: await rival.sign(theirs), why: noKey, control },
    {
      name: "another provider's token with our iss",
      token: await rival.sign({ ...claims }),
      why: noKey,
      control,
    },
    {
      name: "another provider's token with our iss and kid",
      token: await rival.sign({ ...claims }, { kid }),
      why: badSignature,
      control,
    },
    {
      name: "a second trusted issuer's token with the iss of the first",
      token: await rival.sign({ ...claims }),
      why: noKey,
      guard: two,
    },
    {
      name: "the first issuer's token with the iss of the second",
      token: await provider.sign({ ...theirs, aud: 'theirs' }),
      why: noKey,
      control: await rival.sign({ ...theirs, aud: 'theirs' }),
      guard: two,
    },
    {
      name: "the second issuer's token for the audience of the first",
      token: await rival.sign(theirs),
      why: /^aud is \["orders"\]; expected "theirs"/,
      reported: 'audience',
      control: await rival.sign({ ...theirs, aud: 'theirs' }),
      guard: two,
    },
  ]
  const unnamed = { undefined: undefined, null: null, array: [issuer], number: 5, another: 'https://evil.example' }
  for (const [name, iss] of Object.entries(unnamed)) {
    forgeries.push({
      name: `iss ${name} at a guard with two issuers`,
      token: mint.withClaims({ iss }),
      why: /^iss is not a trusted issuer of this guard$/,
      guard: two,
    })
  }
  const usedWrong: Record<string, [key: Mint['keys']['main'], why: RegExp]> = {
    'marked for encryption': [keys.enc, noKey],
    'marked for encryption (RSA)': [keys.encRsa, noKey],
    'with only the operation sign': [keys.signOnly, noKey],
    'with only the operations encrypt and wrapKey': [keys.encryptOnly, noKey],
    'of 1024 bits': [keys.short, /modulusLength to be 2048 bits or larger/],
    'that is not published': [keys.former, noKey],
  }
  for (const [name, [key, why]] of Object.entries(usedWrong)) {
    forgeries.push({ name: `a key ${name}`, token: mint.signedBy(key), why })
  }
  return [...forgeries, ...withdrawn]
}

/** Tokens by a key that a rotation removed. Rotates the keys of the provider. */
async function withdrawnKeys({ provider, claims }: Mint): Promise<Forgery[]> {
  const former = await provider.sign({ ...claims })
  const formerNameless = await provider.sign({ ...claims }, { kid: undefined })
  await provider.rotateKeys()
  return [
    { name: 'a key that a rotation removed', token: former, why: noKey, control: await provider.sign({ ...claims }) },
    {
      name: 'a key that a rotation removed, without kid',
      token: formerNameless,
      why: badSignature,
      control: await provider.sign({ ...claims }, { kid: undefined }),
    },
  ]
}

/** The `typ` of other kinds of JWT (RFC 8725 3.11, 3.12). */
export function otherTypes(mint: Mint): Forgery[] {
  const types = [
    'logout+jwt',
    'application/logout+jwt',
    'LOGOUT+JWT',
    'Application/Logout+JWT',
    'dpop+jwt',
    'DPoP+jwt',
    'application/dpop+jwt',
    'secevent+jwt',
    'id_token',
    'ID',
    'rt+jwt',
    'refresh+jwt',
    'token-introspection+jwt',
    'APPLICATION/token-introspection+JWT',
    'oauth-authz-req+jwt',
    'client-authentication+jwt',
    'entity-statement+jwt',
    'dc+sd-jwt',
    'kb+jwt',
    'JWE',
    'JOSE',
    'jose+json',
    'at+jwt ',
    ' at+jwt',
    'at+jwt;charset=utf-8',
    'at jwt',
    'text/at+jwt',
    'application/application/jwt',
    'application/',
    'Bearer',
    'JWT, at+jwt',
    'jwt\0',
    '',
  ]
  const values: readonly unknown[] = [null, 5, true, ['JWT'], { typ: 'JWT' }]
  return [
    ...types.map((typ) => ({
      name: `typ ${JSON.stringify(typ)}`,
      token: mint.withHeader({ typ }),
      why: /^the header typ is "/,
    })),
    ...values.map((typ) => ({
      name: `typ ${JSON.stringify(typ)}, of the wrong type`,
      token: mint.withHeader({ typ }),
      why: /^the header typ is "not a string", not that of an access token$/,
    })),
    {
      name: 'typ twice, logout+jwt last',
      token: mint.sign({ header: '{"alg":"RS256","kid":"main","typ":"at+jwt","typ":"logout+jwt"}' }),
      why: /^the header typ is "logout\+jwt", not that of an access token$/,
    },
  ]
}

/** Claims of other kinds of token, added to an otherwise valid token. */
export function otherClaims(mint: Mint): Forgery[] {
  const own = [
    'ID',
    'id',
    'Refresh',
    'REFRESH',
    'Offline',
    'Logout',
    'Serialized-ID',
    'Initial',
    'Registration',
    '',
    'refresh_token',
  ]
  const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
  const hash = 'LDktKdoQak3Pk0cnXxCltA'
  const marks: Record<string, [claims: object, why: RegExp]> = {
    'a logout token': [{ events }, /^events is a claim of logout tokens$/],
    'empty events': [{ events: {} }, /^events is/],
    'events of null': [{ events: null }, /^events is/],
    'a DPoP proof': [{ htm: 'GET', htu: 'https://api.example.com/' }, /^htm and htu are claims of DPoP proofs$/],
    'htm without htu': [{ htm: 'GET' }, /^htm and htu/],
    'htu without htm': [{ htu: 'https://api.example.com/' }, /^htm and htu/],
    'htm of null': [{ htm: null }, /^htm and htu/],
    'an ID token, by at_hash': [{ at_hash: hash }, /^at_hash is a claim of ID tokens$/],
    'an ID token, by c_hash': [{ c_hash: hash }, /^c_hash is a claim of ID tokens$/],
    'an ID token, by s_hash': [{ s_hash: hash }, /^s_hash is a claim of ID tokens$/],
    'at_hash of null': [{ at_hash: null }, /^at_hash is/],
    'an ID token, by nonce': [{ nonce: 'n', scope: undefined }, /^nonce without a scope marks an ID token$/],
    'an empty nonce': [{ nonce: '', scope: undefined }, /^nonce without a scope/],
  }
  const types: readonly unknown[] = [null, 5, true, [], ['Bearer'], { typ: 'Bearer' }]
  return [
    ...own.map((typ) => ({
      name: `claim typ ${JSON.stringify(typ)}`,
      token: mint.withClaims({ typ }),
      why: /^the claim typ is "/,
    })),
    ...types.map((typ) => ({
      name: `claim typ ${JSON.stringify(typ)}, of the wrong type`,
      token: mint.withClaims({ typ }),
      why: /^the claim typ is "not a string", not that of an access token$/,
    })),
    {
      name: 'claim typ ID with header typ at+jwt',
      token: mint.sign({ header: { ...mint.header, typ: 'at+jwt' }, claims: { ...mint.claims, typ: 'ID' } }),
      why: /^the claim typ is "id", not that of an access token$/,
    },
    ...Object.entries(marks).map(([name, [claims, why]]) => ({ name, token: mint.withClaims(claims), why })),
    ...['events', 'htm'].map((claim) => ({
      name: `${claim} with typ at+jwt`,
      token: mint.sign({ header: { ...mint.header, typ: 'at+jwt' }, claims: { ...mint.claims, [claim]: {} } }),
      why: claim === 'events' ? /^events is/ : /^htm and htu/,
    })),
  ]
}

/** What the provider really issues, at a guard whose audience is the client: only the purpose differs. */
export async function reallyIssued({ provider, claims }: Mint): Promise<Forgery[]> {
  const guard = { audience: ['web', 'orders'] }
  const issued = await provider.issueTokens('alice')
  const control = issued['access_token'] as string
  const again = async (change: Parameters<TestProvider['misbehave']>[0]): Promise<string> => {
    const undo = provider.misbehave(change)
    const { id_token } = await provider.issueTokens('alice')
    undo()
    return id_token as string
  }
  const undo = provider.misbehave({ userInfo: { signed: true } })
  const userInfo = await fetch(`${provider.issuer}/userinfo`, { headers: { authorization: `Bearer ${control}` } })
  undo()
  const { iat, exp, jti, iss } = claims
  const assertion = await provider.sign({ iss: 'web', sub: 'web', aud: 'orders', iat, exp, jti })
  return [
    {
      name: withId('forged-origins-1', 'an ID token'),
      token: issued['id_token'] as string,
      why: /^at_hash is a claim of ID tokens$/,
      control,
      guard,
    },
    {
      name: 'an ID token of an authorization response',
      token: await again({ idToken: { claims: { nonce: 'n', at_hash: undefined } } }),
      why: /^nonce in a token for the client itself/,
      control,
      guard,
    },
    {
      name: 'an ID token of Keycloak',
      token: await again({ idToken: { claims: { typ: 'ID', at_hash: undefined } } }),
      why: /^the claim typ is "id", not that of an access token$/,
      control,
      guard,
    },
    { name: 'a userinfo response', token: await userInfo.text(), why: /missing required "exp" claim/, control, guard },
    { name: 'a client assertion', token: assertion, why: /^iss is not the expected issuer$/, control, guard },
    {
      name: withId('forged-origins-2', 'a logout token'),
      token: await provider.sign(
        {
          iss,
          sub: 'alice',
          aud: 'web',
          iat,
          exp,
          jti,
          events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
        },
        { typ: 'logout+jwt' },
      ),
      why: /^the header typ is "logout\+jwt", not that of an access token$/,
      control,
      guard,
    },
    {
      name: withId('forged-origins-3', 'a refresh token'),
      token: issued['refresh_token'] as string,
      why: /^The Authorization header must have/,
      reported: 'malformed',
      control,
      guard,
    },
    {
      name: 'an opaque access token',
      token: 'dGhlIHRva2VuIGlzIG9wYXF1ZQ',
      why: /^the token is not a canonically encoded JWT/,
      control,
      guard,
    },
  ]
}
