/** The number of pieces of a long text. Quadratic work takes that many times as long for the whole as for the pieces. */
const pieces = 16
const turns = 5
const attempts = 3

/**
 * How much longer `run` takes for a text of `length` characters than for its sixteenths one after another: about 1 if
 * the time is linear in the length, about 16 if it is quadratic. Whole and pieces take turns, and their medians are
 * compared, so that the result does not depend on the speed or load of the machine. The smallest of several attempts
 * counts, because a pause during a measurement only makes it larger.
 */
export function growth(run: (text: string) => unknown, text: (length: number) => string, length = 8_000): number {
  const whole = text(length)
  const piece = text(length / pieces)
  const measure = (): number => {
    const times: [number[], number[]] = [[], []]
    for (let turn = 0; turn < turns; turn += 1) {
      times[0].push(seconds(() => run(whole)))
      times[1].push(
        seconds(() => {
          for (let count = 0; count < pieces; count += 1) run(piece)
        }),
      )
    }
    return median(times[0]) / median(times[1])
  }
  let least = Infinity
  for (let attempt = 0; attempt < attempts && least > 2; attempt += 1) least = Math.min(least, measure())
  return least
}

function seconds(work: () => void): number {
  const begun = performance.now()
  work()
  return performance.now() - begun
}

function median(times: number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 1] as number
}
