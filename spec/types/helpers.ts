// oxlint-disable typescript/no-unnecessary-type-parameters -- a comparison of types needs parameters that are used once

/** Compiles only with `true` or a list of `true`. It has no implementation, because these files are never run. */
export declare function holds<_T extends true | readonly true[]>(): void

/** Whether a type is `any`, which passes every other comparison. */
export type IsAny<T> = 0 extends 1 & T ? true : false

/** Whether two types are the same, with regard to `any` and `readonly`. */
export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

type IsOneAmong<T, Union> = true extends (Union extends unknown ? Equal<T, Union> : never) ? true : false

type Primitive = string | number | boolean | bigint | symbol | null | undefined

/**
 * The paths to `any` within a type, through members, parameters, results and promised values, at most five steps deep.
 * The types of `Skipped` are not searched.
 */
export type AnyIn<T, Skipped = never, Path extends string = '', Depth extends readonly unknown[] = [1, 1, 1, 1, 1]> =
  IsAny<T> extends true
    ? Path
    : Depth extends readonly [unknown, ...infer Less]
      ? T extends Primitive
        ? never
        : IsOneAmong<T, Skipped> extends true
          ? never
          : T extends Promise<infer Value>
            ? AnyIn<Value, Skipped, `${Path}>`, Less>
            : T extends readonly (infer Member)[]
              ? AnyIn<Member, Skipped, `${Path}[]`, Less>
              : T extends (...parameters: infer Parameters) => infer Result
                ? AnyIn<Parameters[number], Skipped, `${Path}(`, Less> | AnyIn<Result, Skipped, `${Path})`, Less>
                : T extends object
                  ? { [Key in keyof T & string]: AnyIn<T[Key], Skipped, `${Path}.${Key}`, Less> }[keyof T & string]
                  : never
      : never
