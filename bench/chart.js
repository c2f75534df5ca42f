/** The chart of the README: bars of requests per second, in colors that are readable on light and on dark pages. */
import { figure } from './figures.js'
import { ours } from './subjects.js'

const width = 760
const left = 250
const right = 150
const rowHeight = 34
const top = 58

/** @param {string} text */
function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** @param {readonly { name: string, label: string, perSecond: number, ratio: number }[]} results @returns {string} an SVG document */
export function chart(results) {
  const rows = results.toSorted((a, b) => b.perSecond - a.perSecond)
  const most = rows[0]?.perSecond ?? 1
  const height = top + rows.length * rowHeight + 34
  const bars = rows.map(({ name, label, perSecond, ratio }, index) => {
    const y = top + index * rowHeight
    const length = Math.max(2, Math.round(((width - left - right) * perSecond) / most))
    const kind = name === ours ? 'own' : name === 'bare' ? 'bare' : 'other'
    const beside = name === ours ? '' : ` <tspan class="small">ours ${figure(ratio, 2)} x</tspan>`
    return `  <text class="${kind}-label" x="${left - 12}" y="${y + 16}" text-anchor="end">${escaped(label)}</text>
  <rect class="${kind}" x="${left}" y="${y}" width="${length}" height="22" rx="3"/>
  <text x="${left + length + 8}" y="${y + 16}">${figure(perSecond)}${beside}</text>`
  })
  const title = 'Guarded requests per second'
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${title}">
  <title>${title}</title>
  <style>
    text { font: 14px system-ui, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1f2328 }
    .title { font-size: 16px; font-weight: 600 }
    .small { font-size: 12px; fill: #59636e }
    .own-label { font-weight: 600 }
    .own { fill: #1a7f37 }
    .other { fill: #8c959f }
    .bare { fill: #d0d7de }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc }
      .small { fill: #9198a1 }
      .own { fill: #3fb950 }
      .other { fill: #6e7681 }
      .bare { fill: #3d444d }
    }
  </style>
  <text class="title" x="16" y="24">${title}</text>
  <text class="small" x="16" y="43">${escaped(`one process of Node ${process.versions.node} each, 16 connections, the same answer, tokens of 3 kB; medians of one run, side by side`)}</text>
${bars.join('\n')}
  <text class="small" x="16" y="${height - 12}">npm run bench -- guarded</text>
</svg>
`
}
