/**
 * Register tiles of the matrix product: C tile (+)= A rows x B panel, k steps in order, everything in registers.
 *
 * `a`: address of the first row, rows `lda` bytes apart; a tile of fewer rows than its kernel reads the last one again.
 * `b`: address of the first of k runs of 8 floats, `ldb` bytes apart. `c`: rows of 8 floats, `ldc` bytes apart, all written.
 * `fresh`: start from +0 and not from C. The loops are not unrolled: the compiler would then chain what should run
 * side by side. x64 has 15 vector registers to give: six rows take 12 sums, 2 of B and 1 of A.
 */
import { multiplyAdd } from './vector'

/** 6 rows x 8 columns: 12 accumulators. */
export function tile6(k: u32, rows: u32, a: u32, lda: u32, b: u32, ldb: u32, c: u32, ldc: u32, fresh: bool): void {
  const last = rows - 1
  let a0 = a
  let a1 = a0 + (last >= 1 ? lda : 0)
  let a2 = a1 + (last >= 2 ? lda : 0)
  let a3 = a2 + (last >= 3 ? lda : 0)
  let a4 = a3 + (last >= 4 ? lda : 0)
  let a5 = a4 + (last >= 5 ? lda : 0)
  let l0 = f32x4.splat(0)
  let h0 = f32x4.splat(0)
  let l1 = f32x4.splat(0)
  let h1 = f32x4.splat(0)
  let l2 = f32x4.splat(0)
  let h2 = f32x4.splat(0)
  let l3 = f32x4.splat(0)
  let h3 = f32x4.splat(0)
  let l4 = f32x4.splat(0)
  let h4 = f32x4.splat(0)
  let l5 = f32x4.splat(0)
  let h5 = f32x4.splat(0)
  if (!fresh) {
    let row = c
    l0 = v128.load(row)
    h0 = v128.load(row, 16)
    row += ldc
    l1 = v128.load(row)
    h1 = v128.load(row, 16)
    row += ldc
    l2 = v128.load(row)
    h2 = v128.load(row, 16)
    row += ldc
    l3 = v128.load(row)
    h3 = v128.load(row, 16)
    row += ldc
    l4 = v128.load(row)
    h4 = v128.load(row, 16)
    row += ldc
    l5 = v128.load(row)
    h5 = v128.load(row, 16)
  }
  let left: v128, right: v128, x: v128
  for (; k > 0; k--) {
    left = v128.load(b)
    right = v128.load(b, 16)
    x = v128.load32_splat(a0)
    l0 = multiplyAdd(x, left, l0)
    h0 = multiplyAdd(x, right, h0)
    x = v128.load32_splat(a1)
    l1 = multiplyAdd(x, left, l1)
    h1 = multiplyAdd(x, right, h1)
    x = v128.load32_splat(a2)
    l2 = multiplyAdd(x, left, l2)
    h2 = multiplyAdd(x, right, h2)
    x = v128.load32_splat(a3)
    l3 = multiplyAdd(x, left, l3)
    h3 = multiplyAdd(x, right, h3)
    x = v128.load32_splat(a4)
    l4 = multiplyAdd(x, left, l4)
    h4 = multiplyAdd(x, right, h4)
    x = v128.load32_splat(a5)
    l5 = multiplyAdd(x, left, l5)
    h5 = multiplyAdd(x, right, h5)
    b += ldb
    a0 += 4
    a1 += 4
    a2 += 4
    a3 += 4
    a4 += 4
    a5 += 4
  }
  v128.store(c, l0)
  v128.store(c, h0, 16)
  c += ldc
  v128.store(c, l1)
  v128.store(c, h1, 16)
  c += ldc
  v128.store(c, l2)
  v128.store(c, h2, 16)
  c += ldc
  v128.store(c, l3)
  v128.store(c, h3, 16)
  c += ldc
  v128.store(c, l4)
  v128.store(c, h4, 16)
  c += ldc
  v128.store(c, l5)
  v128.store(c, h5, 16)
}

/** 5 rows x 8 columns: 10 accumulators. */
export function tile5(k: u32, rows: u32, a: u32, lda: u32, b: u32, ldb: u32, c: u32, ldc: u32, fresh: bool): void {
  const last = rows - 1
  let a0 = a
  let a1 = a0 + (last >= 1 ? lda : 0)
  let a2 = a1 + (last >= 2 ? lda : 0)
  let a3 = a2 + (last >= 3 ? lda : 0)
  let a4 = a3 + (last >= 4 ? lda : 0)
  let l0 = f32x4.splat(0)
  let h0 = f32x4.splat(0)
  let l1 = f32x4.splat(0)
  let h1 = f32x4.splat(0)
  let l2 = f32x4.splat(0)
  let h2 = f32x4.splat(0)
  let l3 = f32x4.splat(0)
  let h3 = f32x4.splat(0)
  let l4 = f32x4.splat(0)
  let h4 = f32x4.splat(0)
  if (!fresh) {
    let row = c
    l0 = v128.load(row)
    h0 = v128.load(row, 16)
    row += ldc
    l1 = v128.load(row)
    h1 = v128.load(row, 16)
    row += ldc
    l2 = v128.load(row)
    h2 = v128.load(row, 16)
    row += ldc
    l3 = v128.load(row)
    h3 = v128.load(row, 16)
    row += ldc
    l4 = v128.load(row)
    h4 = v128.load(row, 16)
  }
  let left: v128, right: v128, x: v128
  for (; k > 0; k--) {
    left = v128.load(b)
    right = v128.load(b, 16)
    x = v128.load32_splat(a0)
    l0 = multiplyAdd(x, left, l0)
    h0 = multiplyAdd(x, right, h0)
    x = v128.load32_splat(a1)
    l1 = multiplyAdd(x, left, l1)
    h1 = multiplyAdd(x, right, h1)
    x = v128.load32_splat(a2)
    l2 = multiplyAdd(x, left, l2)
    h2 = multiplyAdd(x, right, h2)
    x = v128.load32_splat(a3)
    l3 = multiplyAdd(x, left, l3)
    h3 = multiplyAdd(x, right, h3)
    x = v128.load32_splat(a4)
    l4 = multiplyAdd(x, left, l4)
    h4 = multiplyAdd(x, right, h4)
    b += ldb
    a0 += 4
    a1 += 4
    a2 += 4
    a3 += 4
    a4 += 4
  }
  v128.store(c, l0)
  v128.store(c, h0, 16)
  c += ldc
  v128.store(c, l1)
  v128.store(c, h1, 16)
  c += ldc
  v128.store(c, l2)
  v128.store(c, h2, 16)
  c += ldc
  v128.store(c, l3)
  v128.store(c, h3, 16)
  c += ldc
  v128.store(c, l4)
  v128.store(c, h4, 16)
}

/** 4 rows x 8 columns: 8 accumulators. */
export function tile4(k: u32, rows: u32, a: u32, lda: u32, b: u32, ldb: u32, c: u32, ldc: u32, fresh: bool): void {
  const last = rows - 1
  let a0 = a
  let a1 = a0 + (last >= 1 ? lda : 0)
  let a2 = a1 + (last >= 2 ? lda : 0)
  let a3 = a2 + (last >= 3 ? lda : 0)
  let l0 = f32x4.splat(0)
  let h0 = f32x4.splat(0)
  let l1 = f32x4.splat(0)
  let h1 = f32x4.splat(0)
  let l2 = f32x4.splat(0)
  let h2 = f32x4.splat(0)
  let l3 = f32x4.splat(0)
  let h3 = f32x4.splat(0)
  if (!fresh) {
    let row = c
    l0 = v128.load(row)
    h0 = v128.load(row, 16)
    row += ldc
    l1 = v128.load(row)
    h1 = v128.load(row, 16)
    row += ldc
    l2 = v128.load(row)
    h2 = v128.load(row, 16)
    row += ldc
    l3 = v128.load(row)
    h3 = v128.load(row, 16)
  }
  let left: v128, right: v128, x: v128
  for (; k > 0; k--) {
    left = v128.load(b)
    right = v128.load(b, 16)
    x = v128.load32_splat(a0)
    l0 = multiplyAdd(x, left, l0)
    h0 = multiplyAdd(x, right, h0)
    x = v128.load32_splat(a1)
    l1 = multiplyAdd(x, left, l1)
    h1 = multiplyAdd(x, right, h1)
    x = v128.load32_splat(a2)
    l2 = multiplyAdd(x, left, l2)
    h2 = multiplyAdd(x, right, h2)
    x = v128.load32_splat(a3)
    l3 = multiplyAdd(x, left, l3)
    h3 = multiplyAdd(x, right, h3)
    b += ldb
    a0 += 4
    a1 += 4
    a2 += 4
    a3 += 4
  }
  v128.store(c, l0)
  v128.store(c, h0, 16)
  c += ldc
  v128.store(c, l1)
  v128.store(c, h1, 16)
  c += ldc
  v128.store(c, l2)
  v128.store(c, h2, 16)
  c += ldc
  v128.store(c, l3)
  v128.store(c, h3, 16)
}
