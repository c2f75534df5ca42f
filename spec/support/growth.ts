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
      times[0].push(measureMs(() => run(whole)))
      times[1].push(
        measureMs(() => {
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

/**
 * Times below this do not count: the compiler and the garbage collector decide them. Work that is quadratic in thousands of
 * characters takes longer.
 */
const negligibleMs = 0.25

/** After this time a look takes no further sample, and after a longer sample no look follows: a slow function fails soon. */
const mostLookMs = 500

/**
 * The looks at a pair of texts: a short one, and longer ones if the short one finds something. The last two use texts of
 * twice the length, because a sudden step (an array that outgrows the young generation) occurs at one length only.
 */
const looks: readonly { readonly samples: number; readonly sampleMs: number; readonly scale: number }[] = [
  { samples: 3, sampleMs: 0, scale: 1 },
  { samples: 7, sampleMs: 2, scale: 1 },
  { samples: 7, sampleMs: 2, scale: 2 },
  { samples: 15, sampleMs: 4, scale: 2 },
]

/**
 * How many times as long `run` takes for a text of `length` characters as for a text of half that length: 2 if the time is
 * linear, 4 if it is quadratic. The shortest of several samples counts, and the smallest result of the looks, because a
 * pause only makes a time longer. No text is longer than `longest`.
 */
export async function doubling(
  run: (text: string) => unknown,
  text: (length: number) => string,
  length: number,
  longest = Infinity,
): Promise<number> {
  let least = Infinity
  for (const { samples, sampleMs, scale } of looks) {
    if (length * scale > longest) break
    const [half, whole] = [text((length * scale) / 2), text(length * scale)]
    const times = { half: Infinity, whole: Infinity }
    const begun = performance.now()
    for (let sample = 0; sample < samples && performance.now() - begun < mostLookMs; sample += 1) {
      times.half = Math.min(times.half, await sampleTime(run, half, sampleMs))
      times.whole = Math.min(times.whole, await sampleTime(run, whole, sampleMs))
    }
    least = Math.min(least, times.whole / Math.max(times.half, negligibleMs))
    if (least <= 3 || times.whole > mostLookMs) break
  }
  return least
}

/** The milliseconds of one call, averaged over as many calls as take `sampleMs`. */
async function sampleTime(run: (text: string) => unknown, text: string, sampleMs: number): Promise<number> {
  const begun = performance.now()
  for (let calls = 1; ; calls += 1) {
    const result = run(text)
    if (result instanceof Promise) await result
    const spent = performance.now() - begun
    if (spent >= sampleMs) return spent / calls
  }
}

function measureMs(work: () => void): number {
  const begun = performance.now()
  work()
  return performance.now() - begun
}

function median(times: number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 1] as number
}
