/** A reporter that prints the time of each tier, and the files that exceed the budget of their tier. */
import { relative } from 'node:path'
import type { Reporter, TestModule } from 'vitest/node'

/** Seconds that a file of a tier may take on a quiet machine. */
const budgets: Record<string, number> = { unit: 1, behavior: 5 }

interface Row {
  readonly tier: string
  readonly file: string
  readonly tests: number
  readonly seconds: number
}

function row(module: TestModule): Row {
  return {
    tier: module.project.name.replace(/-isolated$/, ''),
    file: relative(module.project.config.root, module.moduleId),
    tests: [...module.children.allTests()].length,
    // Without the imports: the first file of a worker pays them for the others.
    seconds: module.diagnostic().duration / 1000,
  }
}

export default class TierTimes implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const rows = modules.map(row).toSorted((a, b) => b.seconds - a.seconds)
    if (rows.length < 2) return
    const lines = ['', 'tier      files  tests  seconds']
    for (const tier of new Set(rows.map((each) => each.tier))) {
      const own = rows.filter((each) => each.tier === tier)
      const sum = (of: (each: Row) => number): number => own.reduce((all, each) => all + of(each), 0)
      const numbers = [own.length, sum(({ tests }) => tests), sum(({ seconds }) => seconds).toFixed(0)]
      lines.push(`${tier.padEnd(8)}${numbers.map((each) => String(each).padStart(7)).join('')}`)
    }
    const slow = rows.filter(({ tier, seconds }) => seconds > (budgets[tier] ?? Infinity))
    if (slow.length > 0) {
      lines.push('', 'files over their budget (unit 1 s, behavior 5 s), counted on a quiet machine:', ...slow.map(line))
      lines.push('', 'the ten slowest files:', ...rows.slice(0, 10).map(line))
    }
    console.log(lines.join('\n'))
  }
}

function line({ tier, file, seconds }: Row): string {
  return `  ${seconds.toFixed(1).padStart(6)} s  ${tier.padEnd(8)}  ${file}`
}
