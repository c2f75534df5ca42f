/**
 * Replaces every occurrence of `part`, which is not empty, in linear time (Knuth, Morris and Pratt). In a text that
 * resembles a long part, `replaceAll` takes quadratic time: seconds for 1 MB.
 */
export function replaceEvery(text: string, part: string, replacement: string): string {
  const borders = measureBorders(part)
  let replaced = ''
  let from = 0
  let matched = 0
  for (let index = 0; index < text.length; index += 1) {
    matched = extendMatch(part, borders, matched, text.charCodeAt(index))
    if (matched < part.length) continue
    replaced += text.slice(from, index + 1 - matched) + replacement
    from = index + 1
    matched = 0
  }
  return replaced + text.slice(from)
}

/** Returns for each beginning of a text the length of its longest border: a shorter beginning that is also its end. */
function measureBorders(text: string): Int32Array {
  const borders = new Int32Array(text.length)
  for (let index = 1; index < text.length; index += 1) {
    borders[index] = extendMatch(text, borders, borders[index - 1] as number, text.charCodeAt(index))
  }
  return borders
}

/** Returns how much of `part` the text matches after one more character, if it matched `matched` characters before. */
function extendMatch(part: string, borders: Int32Array, matched: number, code: number): number {
  let length = matched
  while (length > 0 && part.charCodeAt(length) !== code) length = borders[length - 1] as number
  return part.charCodeAt(length) === code ? length + 1 : length
}
