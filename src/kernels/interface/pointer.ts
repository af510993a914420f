/** Offset in elements (not bytes) from the start of the float memory. No alignment is assumed. */
export type Pointer = number
