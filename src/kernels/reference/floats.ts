/** The memory: with a Float64Array nothing is rounded to float32. */
export type Floats = Float32Array | Float64Array

/** What is done to the result of one float operation. */
export type Round = (x: number) => number
