/**
 * The names of the DOM that playwright-core's types mention. The DOM library itself would give the whole program, `lib/`
 * included, globals that Node does not have.
 */
interface Node {
  readonly nodeType: number
}

interface HTMLElement extends Node {
  readonly tagName: string
}

interface SVGElement extends Node {
  readonly tagName: string
}

interface HTMLElementTagNameMap {
  readonly html: HTMLElement
}
