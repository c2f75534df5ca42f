/**
 * Redirect targets that leave the origin if they are checked carelessly, and valid targets. Each family is one idea of an
 * attacker. The user must not reach `evil.example`; `app.example.com` is the application.
 */
export interface Family {
  readonly name: string
  readonly targets: readonly string[]
}

const evil = 'evil.example'
const own = 'app.example.com'

/** All concatenations of one part of each list, in order. */
function cross(...lists: readonly (readonly string[])[]): string[] {
  return lists.reduce<string[]>((heads, list) => heads.flatMap((head) => list.map((part) => head + part)), [''])
}

/** The forms with each `_` replaced by each of the parts. */
function filled(forms: readonly string[], parts: readonly string[]): string[] {
  return forms.flatMap((form) => parts.map((part) => form.replaceAll('_', () => part)))
}

const wholeUrls: Family = {
  name: 'absolute URLs, in all spellings of the scheme',
  targets: [
    // WHATWG URL: after a special scheme, any number of slashes (even none) is followed by the host.
    ...cross(['http', 'https'], [':', ':/', '://', ':///', '://///'], [evil]),
    ...cross(['HTTPS', 'hTTp', 'HttpS'], ['://'], ['EVIL.example']),
    ...cross(
      ['ftp', 'ws', 'wss', 'gopher', 'view-source', 'feed', 'intent', 'app', 'chrome', 'ms-word:ofe|u|https'],
      [`://${evil}/`],
    ),
    `blob:https://${evil}/7b6f`,
    `filesystem:https://${evil}/temporary/x`,
    `jar:https://${evil}!/x`,
    `mailto:victim@${evil}`,
    'tel:+15551234567',
    'about:blank',
    `url:https://${evil}`,
    `https//${evil}`,
    `://${evil}`,
    `https:/ /${evil}`,
    `https;//${evil}`,
    `https:${evil}:443/`,
    `https:?//${evil}`,
    `https:#//${evil}`,
  ],
}

const networkPaths: Family = {
  name: 'network-path references, which name a host without a scheme',
  targets: [
    ...['//', '///', '////', '//////////'].map((slashes) => slashes + evil),
    ...[
      `${evil}/`,
      `${evil}:443`,
      `${evil}:`,
      `${evil}:80/path`,
      `${evil}.`,
      'EVIL.EXAMPLE',
      `${evil}?x`,
      `${evil}#x`,
      `${evil}/%2f..`,
      `${evil}/..`,
      `${evil}/../${own}`,
      `${evil};x`,
      `${evil}%2f${own}`,
      `%65vil.example`,
      `evil%2eexample`,
      '2130706433',
      '0x7f000001',
      '0177.1',
      '127.1',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '[fe80::1%25eth0]',
      '.',
      '..',
      '?/C:/',
      './evil/share',
    ].map((host) => `//${host}`),
  ],
}

const userinfo: Family = {
  name: 'our own host as the user name, prefix or suffix of another host',
  targets: [
    ...cross(
      ['https://', '//'],
      [
        `${own}@${evil}`,
        `${own}:443@${evil}`,
        `${own}%40${evil}`,
        `${own}%2f@${evil}`,
        `${own}%23@${evil}`,
        `@${evil}`,
        `:@${evil}`,
        `a@b@${evil}`,
        `${evil}@${own}:8443`,
        `${own}.${evil}`,
        `${own}${evil}`,
        `not-${own}`,
        `${own}.`,
        `${own}:8443`,
        `${own}:0`,
        `${evil}?@${own}`,
        `${evil}#@${own}`,
        `${evil}\\@${own}`,
        `${evil}/${own}`,
        `${evil}?${own}`,
      ],
    ),
    `http://${own}`,
    `http://${own}:443/`,
    `ftp://${own}/`,
    `https://user:password@${own}/`,
  ],
}

const glued: Family = {
  name: 'host suffixes, for code that appends the target to the origin',
  targets: [
    `.${evil}`,
    `@${evil}`,
    `@${evil}/${own}`,
    `:@${evil}`,
    `:x@${evil}`,
    `:443@${evil}`,
    `:80`,
    `:8443/path`,
    `-${evil}`,
    evil,
    `${evil}/path`,
    `%40${evil}`,
    `%2e${evil}`,
    `;@${evil}`,
    `?@${evil}`,
    `#@${evil}`,
    `&@${evil}`,
    '..',
    '.',
    '*',
    '',
  ],
}

const backslashes: Family = {
  name: 'backslashes, which browsers read as slashes',
  targets: [
    ...cross(['/', '\\'], ['/', '\\'], ['', '/', '\\'], [evil]).filter((target) => target.includes('\\')),
    ...['\\', '/\\', '\\/', '\\\\'].map((slashes) => `https:${slashes}${evil}`),
    `\\${evil}`,
    `/path\\..\\..\\\\${evil}`,
    `/..\\/${evil}`,
    `/..\\${evil}`,
    `/.\\${evil}`,
    `/.\\\\${evil}`,
    `/path/..\\\\${evil}`,
    `/\\@${evil}`,
    `/\\\t\\${evil}`,
    `/\\/\\/${evil}/\\..`,
    `\\.\\${evil}`,
    `/?\\\\${evil}`,
    `/#\\\\${evil}`,
  ],
}

const encodedSlashes: Family = {
  name: 'encoded slashes, for code that decodes too late or too often',
  targets: filled(
    [`/_${evil}`, `__${evil}`, `/_/${evil}`, `_/${evil}`, `/path/.._${evil}`],
    ['%2f', '%2F', '%5c', '%5C', '%252f', '%255C', '%25252f', '%c0%af', '%e0%80%af', '%u2215', '&#47;', '&sol;'],
  ),
}

const encodedSchemes: Family = {
  name: 'encoded schemes and hosts',
  targets: [
    `https%3a//${evil}`,
    `https%3A%2F%2F${evil}`,
    `https%253A%252F%252F${evil}`,
    `%68ttps://${evil}`,
    `%2f%2f${evil}%2f..`,
    `/%68%74%74%70://${evil}/..//${evil}`,
    `/https:/..//${evil}`,
    `/https:%2f..%2f/${evil}`,
    `&#104;ttps://${evil}`,
    `https&colon;//${evil}`,
    `\\u002f\\u002f${evil}`,
    `\\x2f\\x2f${evil}`,
  ],
}

const controls = ['\0', '\u0001', '\b', '\t', '\n', '\v', '\f', '\r', '\r\n', '\u001b', '\u001f', '\u007f', '\u0085']

const rawControls: Family = {
  name: 'control characters, some of which browsers remove',
  targets: [
    ...filled([`/_/${evil}`, `_//${evil}`, `/_\\${evil}`], controls),
    ...filled([`//${evil}_.${own}`, `/path_`, `_/path`], ['\0', '\t', '\n', '\r']),
    `/\t\n\r/${evil}`,
    `\t/\t/\t${evil}`,
    `h\tt\ntps://${evil}`,
    `/.\t./\n/${evil}`,
    `/.\n//${evil}`,
  ],
}

const encodedControls: Family = {
  name: 'percent-encoded control characters',
  targets: [
    ...filled(
      [`/_/${evil}`, `_//${evil}`],
      ['%00', '%01', '%08', '%09', '%0a', '%0A', '%0b', '%0d', '%0D%0A', '%1b', '%1F', '%7f', '%2500', '%2509'],
    ),
    `/%09%2f${evil}`,
    `/%09\\${evil}`,
    `/path%00.html`,
    `/path/%0a/../%0a//${evil}`,
    `/%09`,
  ],
}

const headers: Family = {
  name: 'line breaks that would start another header',
  targets: [
    '/\r\nSet-Cookie: planted=1',
    '/\nSet-Cookie: planted=1',
    '/\rSet-Cookie: planted=1',
    '/path\r\n\r\n<script>alert(1)</script>',
    `/\r\n Location: //${evil}`,
    '/%0d%0aSet-Cookie:%20planted=1',
    '/%0D%0ASet-Cookie:planted=1',
    '/%0aX-Planted:1',
    '/%250d%250aX-Planted:1',
    // The low bytes of these are CR and LF, for code that truncates characters to bytes.
    '/\u560d\u560aSet-Cookie:planted=1',
    '/%E5%98%8D%E5%98%8ASet-Cookie:planted=1',
    '/\u010d\u010aSet-Cookie:planted=1',
    '/\u2028Set-Cookie:planted=1',
    '/\u2029Set-Cookie:planted=1',
    '/path?x=\r\nX-Planted: 1',
    '/path#\r\nX-Planted: 1',
  ],
}

const slashLookalikes: Family = {
  name: 'characters that look like slashes or normalize to them',
  targets: filled(
    [`/_${evil}`, `__${evil}`],
    ['\u2044', '\u2215', '\u29f8', '\uff0f', '\u2571', '\u27cb', '\uff3c', '\ufe68', '\u2216', '\u29f5', '\u29f9'],
  ),
}

const dotLookalikes: Family = {
  name: 'characters that look like dots or normalize to them',
  targets: [
    ...filled([`/__//${evil}`, `//evil_example`], ['\u3002', '\uff0e', '\uff61', '\u2024', '\ufe52', '\u00b7']),
    `/\u2025//${evil}`,
    `/\u2026//${evil}`,
  ],
}

const unicodeHosts: Family = {
  name: 'hosts in other scripts (UTS 46)',
  targets: [
    '//\uff45vil.example',
    '//\u24d4vil.example',
    '//ev\u0131l.example',
    '//evi\u00adl.example',
    '//evi\u200dl.example',
    '//xn--evl-jqa.example',
    '//fa\u00df.example',
    `//${own}\uff20${evil}`,
    `//${own}\uff0f@${evil}`,
    `//${evil}\uff0f${own}`,
    `//${evil}\uff1f${own}`,
    `//${evil}\uff03${own}`,
    `//${evil}\u2100${own}`,
    `//${own}\uff1a443@${evil}`,
    `//${own}\u2024${evil}`,
    '//\u0430pp.example.com',
    '//\u05d0.example',
    `https\uff1a//${evil}`,
    `\uff48ttps://${evil}`,
    `\u202e//${evil}`,
  ],
}

const dotSegments: Family = {
  name: 'dot segments that leave two leading slashes',
  targets: [
    ...filled(
      [`/_//${evil}`, `/_/%2f${evil}`],
      ['.', '..', './.', '../..', 'a/..', 'a/b/../..', '%2e', '%2E', '%2e%2e', '.%2e', '%2E.', 'a/%2e%2e', 'a;x=1/..'],
    ),
    `/a/.//..//${evil}`,
    `/a//..//..//${evil}`,
    `/a/../..//..//${evil}`,
    `/./\\${evil}`,
    `/..%2f/${evil}`,
    `/..%2f%2f${evil}`,
    `/.%2f/${evil}`,
    `/a/..%2f..%2f%2f${evil}`,
    `/%2e%2f/${evil}`,
    `.//${evil}`,
    `..//${evil}`,
    `./..//${evil}`,
    `a/..//${evil}`,
    `.\\/${evil}`,
    `/.//${evil}?x#y`,
    `/..///${evil}`,
    `/..//.//${evil}`,
    `/.;//${evil}`,
    `/..;//${evil}`,
  ],
}

const spaces: Family = {
  name: 'leading and inner white space',
  targets: [
    ...filled(
      [`_//${evil}`, `/_/${evil}`],
      [' ', '\u00a0', '\u1680', '\u2003', '\u200b', '\u2060', '\u3000', '\ufeff', '\u00ad', '+', '%20', '%a0'],
    ),
    ` https://${evil}`,
    ' /path',
    '/path ',
    '/path with spaces',
    `/  /${evil}`,
    `https:// ${evil}`,
  ],
}

const scripts: Family = {
  name: 'schemes that run a script or contain a page',
  targets: [
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    'javascript://%0aalert(1)',
    `javascript://${own}/%0aalert(1)`,
    `javascript://${own}/\u2028alert(1)`,
    'java\tscript:alert(1)',
    'java\nscript:alert(1)',
    'java\r\nscript:alert(1)',
    'java\0script:alert(1)',
    '\u0001javascript:alert(1)',
    '\tjavascript:alert(1)',
    ' javascript:alert(1)',
    '\u00a0javascript:alert(1)',
    'javascript :alert(1)',
    'javascript%3aalert(1)',
    'javascript&colon;alert(1)',
    '&#106;avascript:alert(1)',
    'java%0ascript:alert(1)',
    'javascript\uff1aalert(1)',
    '/javascript:alert(1)',
    '//javascript:alert(1)',
    '\\javascript:alert(1)',
    'data:text/html,<script>alert(1)</script>',
    'data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==',
    'DATA:,x',
    'd\tata:text/html,x',
    'vbscript:msgbox(1)',
    'livescript:x',
    'view-source:javascript:alert(1)',
    'file:///etc/passwd',
    `file://${evil}/share`,
    `\\\\${evil}\\share`,
    'C:\\Windows',
    '/C:/..//evil.example',
  ],
}

const surrogates: Family = {
  name: 'lone surrogates and malformed encodings',
  targets: [
    '/\ud800',
    '/\udfff',
    '/\ud800/path',
    `\ud800//${evil}`,
    `//\udc00${evil}`,
    `/\udc00\ud800/${evil}`,
    `/\ud83d/${evil}`,
    '/path?\ud800',
    '/path#\udfff',
    '/%ed%a0%80',
    '/%ff%fe',
    `/%ff/..//${evil}`,
    '/%',
    '/%2',
    '/%zz',
    `%/${evil}`,
  ],
}

const queries: Family = {
  name: 'real and apparent queries and fragments',
  targets: [
    `?//${evil}`,
    `#//${evil}`,
    `?https://${evil}`,
    `;//${evil}`,
    `&returnTo=//${evil}`,
    `/&returnTo=//${evil}`,
    `/path?returnTo=//${evil}`,
    `/path#//${evil}`,
    `/?/..//${evil}`,
    `/#/..//${evil}`,
    `/path?x=%0d%0a//${evil}`,
    `/path?x=%5c%5c${evil}`,
    `/path#%5c%5c${evil}`,
    `/;//${evil}`,
    `/:@${evil}`,
    `/@${evil}`,
    `/.${evil}`,
    `/${evil}`,
    `/https://${evil}`,
    `/a//${evil}`,
  ],
}

const huge: Family = {
  name: 'targets that are or become too long',
  targets: [
    `/${'a'.repeat(2048)}`,
    `/${'a'.repeat(5000)}`,
    `//${'a'.repeat(3000)}.example`,
    '/'.repeat(2100),
    '\\'.repeat(300),
    `${'/a/..'.repeat(300)}//${evil}`,
    `${'/.'.repeat(900)}//${evil}`,
    `${'/..'.repeat(900)}//${evil}`,
    `${'/%2e%2e'.repeat(250)}//${evil}`,
    `/${'%2f'.repeat(600)}${evil}`,
    `/${'\u00fc'.repeat(1500)}`,
    `/?${'"'.repeat(1500)}`,
    `/${'\t'.repeat(1000)}/${evil}`,
    `${' '.repeat(1000)}//${evil}`,
    `https://${'a'.repeat(1900)}@${evil}`,
    `https:${'/'.repeat(1900)}${evil}`,
  ],
}

export const families: readonly Family[] = [
  wholeUrls,
  networkPaths,
  userinfo,
  glued,
  backslashes,
  encodedSlashes,
  encodedSchemes,
  rawControls,
  encodedControls,
  headers,
  slashLookalikes,
  dotLookalikes,
  unicodeHosts,
  dotSegments,
  spaces,
  scripts,
  surrogates,
  queries,
  huge,
]

/** Valid targets, which must remain unchanged. */
export const goodTargets: readonly string[] = [
  '/',
  '/profile',
  '/profile/',
  '/a/b/c/d/e/f/g',
  '/index.html',
  '/.well-known/security.txt',
  '/.hidden',
  '/a.b..c',
  '/...',
  '/a/...',
  '/~alice',
  '/-_.!~*()',
  "/it's",
  '/a;version=1',
  '/a;b=1;c=2/d',
  '/a,b',
  '/a:b',
  '/:80',
  '/@alice',
  '/user@example.com',
  '/$ref',
  '/a=b&c=d',
  '/a+b',
  '/[x]',
  '/a|b',
  '/a%20b',
  '/a%2fb',
  '/a%2Fb/c',
  '/100%25',
  '/caf%C3%A9',
  '/%E6%97%A5%E6%9C%AC',
  '/%F0%9F%8D%8E',
  '/%3Cb%3E',
  '/a%3Fb',
  '/a%23b',
  '/%22quoted%22',
  '/a//b',
  '/a///b//',
  '/https://elsewhere.example/',
  '/?tab=2',
  '/?a=1&b=2&a=3',
  '/?q=a+b',
  '/?q=%26%3D%2B%25',
  '/?q=%C3%BC',
  '/?q=a/b/../c',
  '/?next=/other?x=1',
  '/?next=//elsewhere.example/',
  '/?next=https://elsewhere.example/',
  '/?next=https%3A%2F%2Felsewhere.example%2F',
  '/?line=%0d%0a',
  '/?back=%5C',
  '/?q=*(x)',
  '/?filter[name]=x&filter[age]=7',
  '/?json={}',
  '/?a?b?c',
  '/?@:!$',
  '/path?x',
  '/path?x#part',
  '/#part',
  '/#/route/of/a/single/page',
  '/#//route',
  '/#?x=1',
  '/path#a#b',
  '/path#:~:text=hello',
  '/login-history',
  '/LOGIN/Case',
  `/${'a'.repeat(2047)}`,
  `/?q=${'q'.repeat(2000)}`,
]

/** A valid target of each kind: a path, encoded octets, empty segments, a query, a fragment, the longest. */
export const goodSamples: readonly string[] = [
  '/',
  '/profile/',
  '/-_.!~*()',
  '/a%2fb',
  '/%E6%97%A5%E6%9C%AC',
  '/a///b//',
  '/?a=1&b=2&a=3',
  '/?q=%26%3D%2B%25',
  '/?next=https%3A%2F%2Felsewhere.example%2F',
  '/?line=%0d%0a',
  '/path?x#part',
  '/path#:~:text=hello',
  `/${'a'.repeat(2047)}`,
]
