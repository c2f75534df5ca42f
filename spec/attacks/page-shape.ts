/** The elements, attributes and URLs of a page, parsed as browsers do (HTML standard 13.2). */
import { parse } from 'parse5'

interface Node {
  readonly nodeName: string
  readonly attrs?: readonly { readonly name: string; readonly value: string }[]
  readonly childNodes?: readonly Node[]
  /** Only of a text node. */
  readonly value?: string
  /** Only of a template element. */
  readonly content?: Node
}

export interface Shape {
  /** Each element with the names of its attributes, indented by its depth, and each comment. */
  readonly elements: readonly string[]
  /** All URLs that a browser could load, submit to or navigate to. */
  readonly addresses: readonly string[]
  /** The text of each element of that name. */
  readText(name: string): string[]
}

const withAddress = new Set(
  'href src action formaction data poster srcset background cite manifest longdesc usemap xlink:href ping'.split(' '),
)

/** HTML standard, shared declarative refresh steps: the URL follows `url=`, with or without quotes. */
function getRefresh(content: string): string {
  const after = /^\s*[\d.]+\s*[;,\s]\s*(?:url\s*=\s*)?(.*)$/is.exec(content)?.[1] ?? content
  const quote = after[0]
  if (quote !== '"' && quote !== "'") return after
  return after.slice(1).split(quote, 1)[0] as string
}

function textIn(node: Node): string {
  return node.value ?? (node.childNodes ?? []).map(textIn).join('')
}

export function getShape(html: string): Shape {
  const elements: string[] = []
  const addresses: string[] = []
  const texts: [name: string, text: string][] = []
  const walk = (node: Node, depth: number): void => {
    const attributes = node.attrs ?? []
    if (node.nodeName !== '#text' && node.nodeName !== '#document') {
      const names = attributes.map(({ name }) => ` ${name}`).join('')
      elements.push(`${'  '.repeat(depth)}${node.nodeName}${names}`)
      texts.push([node.nodeName, textIn(node)])
    }
    const refreshes = attributes.some(({ name, value }) => name === 'http-equiv' && value.toLowerCase() === 'refresh')
    for (const { name, value } of attributes) {
      if (withAddress.has(name)) addresses.push(value)
      if (name === 'content' && refreshes) addresses.push(getRefresh(value))
    }
    for (const child of [...(node.childNodes ?? []), ...(node.content ? [node.content] : [])]) walk(child, depth + 1)
  }
  walk(parse(html), -1)
  return { elements, addresses, readText: (name) => texts.filter(([other]) => other === name).map(([, text]) => text) }
}
