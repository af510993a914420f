/**
 * Register tiles of the matrix product, written by src/kernels/tiles.ts.
 *
 * `a`: address of the first row, rows `lda` bytes apart; a tile of fewer rows than its kernel reads the last one again.
 * `b`: address of the first of k runs as wide as the tile, `ldb` bytes apart. `c`: as many rows as the kernel has, `ldc`
 * bytes apart, all written. `kept`: -1 to start from C, 0 to start from +0; a mask, since the compiler joins no vectors from
 * before a branch and behind it. The loops are not unrolled: it would then chain what should run side by side.
 */
import { multiplyAdd } from './vector'

/** 4 rows x 8 columns. */
export function tile4x8(
  k: u32, rows: u32, a: u32, lda: u32, b: u32, ldb: u32, c: u32, ldc: u32, kept: i32,
): void {
  const last = rows - 1
  const mask = i32x4.splat(kept)
  let a0 = a
  let a1 = a0 + (last >= 1 ? lda : 0)
  let a2 = a1 + (last >= 2 ? lda : 0)
  let a3 = a2 + (last >= 3 ? lda : 0)
  const c0 = c
  const c1 = c0 + ldc
  const c2 = c1 + ldc
  const c3 = c2 + ldc
  let s00 = v128.and(v128.load(c0, 0), mask)
  let s01 = v128.and(v128.load(c0, 16), mask)
  let s10 = v128.and(v128.load(c1, 0), mask)
  let s11 = v128.and(v128.load(c1, 16), mask)
  let s20 = v128.and(v128.load(c2, 0), mask)
  let s21 = v128.and(v128.load(c2, 16), mask)
  let s30 = v128.and(v128.load(c3, 0), mask)
  let s31 = v128.and(v128.load(c3, 16), mask)
  for (; k > 0; k--) {
    const b0 = v128.load(b, 0)
    const b1 = v128.load(b, 16)
    const x0 = v128.load32_splat(a0)
    s00 = multiplyAdd(x0, b0, s00)
    s01 = multiplyAdd(x0, b1, s01)
    const x1 = v128.load32_splat(a1)
    s10 = multiplyAdd(x1, b0, s10)
    s11 = multiplyAdd(x1, b1, s11)
    const x2 = v128.load32_splat(a2)
    s20 = multiplyAdd(x2, b0, s20)
    s21 = multiplyAdd(x2, b1, s21)
    const x3 = v128.load32_splat(a3)
    s30 = multiplyAdd(x3, b0, s30)
    s31 = multiplyAdd(x3, b1, s31)
    b += ldb
    a0 += 4
    a1 += 4
    a2 += 4
    a3 += 4
  }
  v128.store(c0, s00, 0)
  v128.store(c0, s01, 16)
  v128.store(c1, s10, 0)
  v128.store(c1, s11, 16)
  v128.store(c2, s20, 0)
  v128.store(c2, s21, 16)
  v128.store(c3, s30, 0)
  v128.store(c3, s31, 16)
}

/** 5 rows x 8 columns. */
export function tile5x8(
  k: u32, rows: u32, a: u32, lda: u32, b: u32, ldb: u32, c: u32, ldc: u32, kept: i32,
): void {
  const last = rows - 1
  const mask = i32x4.splat(kept)
  let a0 = a
  let a1 = a0 + (last >= 1 ? lda : 0)
  let a2 = a1 + (last >= 2 ? lda : 0)
  let a3 = a2 + (last >= 3 ? lda : 0)
  let a4 = a3 + (last >= 4 ? lda : 0)
  const c0 = c
  const c1 = c0 + ldc
  const c2 = c1 + ldc
  const c3 = c2 + ldc
  const c4 = c3 + ldc
  let s00 = v128.and(v128.load(c0, 0), mask)
  let s01 = v128.and(v128.load(c0, 16), mask)
  let s10 = v128.and(v128.load(c1, 0), mask)
  let s11 = v128.and(v128.load(c1, 16), mask)
  let s20 = v128.and(v128.load(c2, 0), mask)
  let s21 = v128.and(v128.load(c2, 16), mask)
  let s30 = v128.and(v128.load(c3, 0), mask)
  let s31 = v128.and(v128.load(c3, 16), mask)
  let s40 = v128.and(v128.load(c4, 0), mask)
  let s41 = v128.and(v128.load(c4, 16), mask)
  for (; k > 0; k--) {
    const b0 = v128.load(b, 0)
    const b1 = v128.load(b, 16)
    const x0 = v128.load32_splat(a0)
    s00 = multiplyAdd(x0, b0, s00)
    s01 = multiplyAdd(x0, b1, s01)
    const x1 = v128.load32_splat(a1)
    s10 = multiplyAdd(x1, b0, s10)
    s11 = multiplyAdd(x1, b1, s11)
    const x2 = v128.load32_splat(a2)
    s20 = multiplyAdd(x2, b0, s20)
    s21 = multiplyAdd(x2, b1, s21)
    const x3 = v128.load32_splat(a3)
    s30 = multiplyAdd(x3, b0, s30)
    s31 = multiplyAdd(x3, b1, s31)
    const x4 = v128.load32_splat(a4)
    s40 = multiplyAdd(x4, b0, s40)
    s41 = multiplyAdd(x4, b1, s41)
    b += ldb
    a0 += 4
    a1 += 4
    a2 += 4
    a3 += 4
    a4 += 4
  }
  v128.store(c0, s00, 0)
  v128.store(c0, s01, 16)
  v128.store(c1, s10, 0)
  v128.store(c1, s11, 16)
  v128.store(c2, s20, 0)
  v128.store(c2, s21, 16)
  v128.store(c3, s30, 0)
  v128.store(c3, s31, 16)
  v128.store(c4, s40, 0)
  v128.store(c4, s41, 16)
}

/** 6 rows x 8 columns. */
export function tile6x8(
  k: u32, rows: u32, a: u32, lda: u32, b: u32, ldb: u32, c: u32, ldc: u32, kept: i32,
): void {
  const last = rows - 1
  const mask = i32x4.splat(kept)
  let a0 = a
  let a1 = a0 + (last >= 1 ? lda : 0)
  let a2 = a1 + (last >= 2 ? lda : 0)
  let a3 = a2 + (last >= 3 ? lda : 0)
  let a4 = a3 + (last >= 4 ? lda : 0)
  let a5 = a4 + (last >= 5 ? lda : 0)
  const c0 = c
  const c1 = c0 + ldc
  const c2 = c1 + ldc
  const c3 = c2 + ldc
  const c4 = c3 + ldc
  const c5 = c4 + ldc
  let s00 = v128.and(v128.load(c0, 0), mask)
  let s01 = v128.and(v128.load(c0, 16), mask)
  let s10 = v128.and(v128.load(c1, 0), mask)
  let s11 = v128.and(v128.load(c1, 16), mask)
  let s20 = v128.and(v128.load(c2, 0), mask)
  let s21 = v128.and(v128.load(c2, 16), mask)
  let s30 = v128.and(v128.load(c3, 0), mask)
  let s31 = v128.and(v128.load(c3, 16), mask)
  let s40 = v128.and(v128.load(c4, 0), mask)
  let s41 = v128.and(v128.load(c4, 16), mask)
  let s50 = v128.and(v128.load(c5, 0), mask)
  let s51 = v128.and(v128.load(c5, 16), mask)
  for (; k > 0; k--) {
    const b0 = v128.load(b, 0)
    const b1 = v128.load(b, 16)
    const x0 = v128.load32_splat(a0)
    s00 = multiplyAdd(x0, b0, s00)
    s01 = multiplyAdd(x0, b1, s01)
    const x1 = v128.load32_splat(a1)
    s10 = multiplyAdd(x1, b0, s10)
    s11 = multiplyAdd(x1, b1, s11)
    const x2 = v128.load32_splat(a2)
    s20 = multiplyAdd(x2, b0, s20)
    s21 = multiplyAdd(x2, b1, s21)
    const x3 = v128.load32_splat(a3)
    s30 = multiplyAdd(x3, b0, s30)
    s31 = multiplyAdd(x3, b1, s31)
    const x4 = v128.load32_splat(a4)
    s40 = multiplyAdd(x4, b0, s40)
    s41 = multiplyAdd(x4, b1, s41)
    const x5 = v128.load32_splat(a5)
    s50 = multiplyAdd(x5, b0, s50)
    s51 = multiplyAdd(x5, b1, s51)
    b += ldb
    a0 += 4
    a1 += 4
    a2 += 4
    a3 += 4
    a4 += 4
    a5 += 4
  }
  v128.store(c0, s00, 0)
  v128.store(c0, s01, 16)
  v128.store(c1, s10, 0)
  v128.store(c1, s11, 16)
  v128.store(c2, s20, 0)
  v128.store(c2, s21, 16)
  v128.store(c3, s30, 0)
  v128.store(c3, s31, 16)
  v128.store(c4, s40, 0)
  v128.store(c4, s41, 16)
  v128.store(c5, s50, 0)
  v128.store(c5, s51, 16)
}

/** 4 rows x 16 columns. */
export function tile4x16(
  k: u32, rows: u32, a: u32, lda: u32, b: u32, ldb: u32, c: u32, ldc: u32, kept: i32,
): void {
  const last = rows - 1
  const mask = i32x4.splat(kept)
  let a0 = a
  let a1 = a0 + (last >= 1 ? lda : 0)
  let a2 = a1 + (last >= 2 ? lda : 0)
  let a3 = a2 + (last >= 3 ? lda : 0)
  const c0 = c
  const c1 = c0 + ldc
  const c2 = c1 + ldc
  const c3 = c2 + ldc
  let s00 = v128.and(v128.load(c0, 0), mask)
  let s01 = v128.and(v128.load(c0, 16), mask)
  let s02 = v128.and(v128.load(c0, 32), mask)
  let s03 = v128.and(v128.load(c0, 48), mask)
  let s10 = v128.and(v128.load(c1, 0), mask)
  let s11 = v128.and(v128.load(c1, 16), mask)
  let s12 = v128.and(v128.load(c1, 32), mask)
  let s13 = v128.and(v128.load(c1, 48), mask)
  let s20 = v128.and(v128.load(c2, 0), mask)
  let s21 = v128.and(v128.load(c2, 16), mask)
  let s22 = v128.and(v128.load(c2, 32), mask)
  let s23 = v128.and(v128.load(c2, 48), mask)
  let s30 = v128.and(v128.load(c3, 0), mask)
  let s31 = v128.and(v128.load(c3, 16), mask)
  let s32 = v128.and(v128.load(c3, 32), mask)
  let s33 = v128.and(v128.load(c3, 48), mask)
  for (; k > 0; k--) {
    const b0 = v128.load(b, 0)
    const b1 = v128.load(b, 16)
    const b2 = v128.load(b, 32)
    const b3 = v128.load(b, 48)
    const x0 = v128.load32_splat(a0)
    s00 = multiplyAdd(x0, b0, s00)
    s01 = multiplyAdd(x0, b1, s01)
    s02 = multiplyAdd(x0, b2, s02)
    s03 = multiplyAdd(x0, b3, s03)
    const x1 = v128.load32_splat(a1)
    s10 = multiplyAdd(x1, b0, s10)
    s11 = multiplyAdd(x1, b1, s11)
    s12 = multiplyAdd(x1, b2, s12)
    s13 = multiplyAdd(x1, b3, s13)
    const x2 = v128.load32_splat(a2)
    s20 = multiplyAdd(x2, b0, s20)
    s21 = multiplyAdd(x2, b1, s21)
    s22 = multiplyAdd(x2, b2, s22)
    s23 = multiplyAdd(x2, b3, s23)
    const x3 = v128.load32_splat(a3)
    s30 = multiplyAdd(x3, b0, s30)
    s31 = multiplyAdd(x3, b1, s31)
    s32 = multiplyAdd(x3, b2, s32)
    s33 = multiplyAdd(x3, b3, s33)
    b += ldb
    a0 += 4
    a1 += 4
    a2 += 4
    a3 += 4
  }
  v128.store(c0, s00, 0)
  v128.store(c0, s01, 16)
  v128.store(c0, s02, 32)
  v128.store(c0, s03, 48)
  v128.store(c1, s10, 0)
  v128.store(c1, s11, 16)
  v128.store(c1, s12, 32)
  v128.store(c1, s13, 48)
  v128.store(c2, s20, 0)
  v128.store(c2, s21, 16)
  v128.store(c2, s22, 32)
  v128.store(c2, s23, 48)
  v128.store(c3, s30, 0)
  v128.store(c3, s31, 16)
  v128.store(c3, s32, 32)
  v128.store(c3, s33, 48)
}

/** 5 rows x 16 columns. */
export function tile5x16(
  k: u32, rows: u32, a: u32, lda: u32, b: u32, ldb: u32, c: u32, ldc: u32, kept: i32,
): void {
  const last = rows - 1
  const mask = i32x4.splat(kept)
  let a0 = a
  let a1 = a0 + (last >= 1 ? lda : 0)
  let a2 = a1 + (last >= 2 ? lda : 0)
  let a3 = a2 + (last >= 3 ? lda : 0)
  let a4 = a3 + (last >= 4 ? lda : 0)
  const c0 = c
  const c1 = c0 + ldc
  const c2 = c1 + ldc
  const c3 = c2 + ldc
  const c4 = c3 + ldc
  let s00 = v128.and(v128.load(c0, 0), mask)
  let s01 = v128.and(v128.load(c0, 16), mask)
  let s02 = v128.and(v128.load(c0, 32), mask)
  let s03 = v128.and(v128.load(c0, 48), mask)
  let s10 = v128.and(v128.load(c1, 0), mask)
  let s11 = v128.and(v128.load(c1, 16), mask)
  let s12 = v128.and(v128.load(c1, 32), mask)
  let s13 = v128.and(v128.load(c1, 48), mask)
  let s20 = v128.and(v128.load(c2, 0), mask)
  let s21 = v128.and(v128.load(c2, 16), mask)
  let s22 = v128.and(v128.load(c2, 32), mask)
  let s23 = v128.and(v128.load(c2, 48), mask)
  let s30 = v128.and(v128.load(c3, 0), mask)
  let s31 = v128.and(v128.load(c3, 16), mask)
  let s32 = v128.and(v128.load(c3, 32), mask)
  let s33 = v128.and(v128.load(c3, 48), mask)
  let s40 = v128.and(v128.load(c4, 0), mask)
  let s41 = v128.and(v128.load(c4, 16), mask)
  let s42 = v128.and(v128.load(c4, 32), mask)
  let s43 = v128.and(v128.load(c4, 48), mask)
  for (; k > 0; k--) {
    const b0 = v128.load(b, 0)
    const b1 = v128.load(b, 16)
    const b2 = v128.load(b, 32)
    const b3 = v128.load(b, 48)
    const x0 = v128.load32_splat(a0)
    s00 = multiplyAdd(x0, b0, s00)
    s01 = multiplyAdd(x0, b1, s01)
    s02 = multiplyAdd(x0, b2, s02)
    s03 = multiplyAdd(x0, b3, s03)
    const x1 = v128.load32_splat(a1)
    s10 = multiplyAdd(x1, b0, s10)
    s11 = multiplyAdd(x1, b1, s11)
    s12 = multiplyAdd(x1, b2, s12)
    s13 = multiplyAdd(x1, b3, s13)
    const x2 = v128.load32_splat(a2)
    s20 = multiplyAdd(x2, b0, s20)
    s21 = multiplyAdd(x2, b1, s21)
    s22 = multiplyAdd(x2, b2, s22)
    s23 = multiplyAdd(x2, b3, s23)
    const x3 = v128.load32_splat(a3)
    s30 = multiplyAdd(x3, b0, s30)
    s31 = multiplyAdd(x3, b1, s31)
    s32 = multiplyAdd(x3, b2, s32)
    s33 = multiplyAdd(x3, b3, s33)
    const x4 = v128.load32_splat(a4)
    s40 = multiplyAdd(x4, b0, s40)
    s41 = multiplyAdd(x4, b1, s41)
    s42 = multiplyAdd(x4, b2, s42)
    s43 = multiplyAdd(x4, b3, s43)
    b += ldb
    a0 += 4
    a1 += 4
    a2 += 4
    a3 += 4
    a4 += 4
  }
  v128.store(c0, s00, 0)
  v128.store(c0, s01, 16)
  v128.store(c0, s02, 32)
  v128.store(c0, s03, 48)
  v128.store(c1, s10, 0)
  v128.store(c1, s11, 16)
  v128.store(c1, s12, 32)
  v128.store(c1, s13, 48)
  v128.store(c2, s20, 0)
  v128.store(c2, s21, 16)
  v128.store(c2, s22, 32)
  v128.store(c2, s23, 48)
  v128.store(c3, s30, 0)
  v128.store(c3, s31, 16)
  v128.store(c3, s32, 32)
  v128.store(c3, s33, 48)
  v128.store(c4, s40, 0)
  v128.store(c4, s41, 16)
  v128.store(c4, s42, 32)
  v128.store(c4, s43, 48)
}

/** 6 rows x 16 columns. */
export function tile6x16(
  k: u32, rows: u32, a: u32, lda: u32, b: u32, ldb: u32, c: u32, ldc: u32, kept: i32,
): void {
  const last = rows - 1
  const mask = i32x4.splat(kept)
  let a0 = a
  let a1 = a0 + (last >= 1 ? lda : 0)
  let a2 = a1 + (last >= 2 ? lda : 0)
  let a3 = a2 + (last >= 3 ? lda : 0)
  let a4 = a3 + (last >= 4 ? lda : 0)
  let a5 = a4 + (last >= 5 ? lda : 0)
  const c0 = c
  const c1 = c0 + ldc
  const c2 = c1 + ldc
  const c3 = c2 + ldc
  const c4 = c3 + ldc
  const c5 = c4 + ldc
  let s00 = v128.and(v128.load(c0, 0), mask)
  let s01 = v128.and(v128.load(c0, 16), mask)
  let s02 = v128.and(v128.load(c0, 32), mask)
  let s03 = v128.and(v128.load(c0, 48), mask)
  let s10 = v128.and(v128.load(c1, 0), mask)
  let s11 = v128.and(v128.load(c1, 16), mask)
  let s12 = v128.and(v128.load(c1, 32), mask)
  let s13 = v128.and(v128.load(c1, 48), mask)
  let s20 = v128.and(v128.load(c2, 0), mask)
  let s21 = v128.and(v128.load(c2, 16), mask)
  let s22 = v128.and(v128.load(c2, 32), mask)
  let s23 = v128.and(v128.load(c2, 48), mask)
  let s30 = v128.and(v128.load(c3, 0), mask)
  let s31 = v128.and(v128.load(c3, 16), mask)
  let s32 = v128.and(v128.load(c3, 32), mask)
  let s33 = v128.and(v128.load(c3, 48), mask)
  let s40 = v128.and(v128.load(c4, 0), mask)
  let s41 = v128.and(v128.load(c4, 16), mask)
  let s42 = v128.and(v128.load(c4, 32), mask)
  let s43 = v128.and(v128.load(c4, 48), mask)
  let s50 = v128.and(v128.load(c5, 0), mask)
  let s51 = v128.and(v128.load(c5, 16), mask)
  let s52 = v128.and(v128.load(c5, 32), mask)
  let s53 = v128.and(v128.load(c5, 48), mask)
  for (; k > 0; k--) {
    const b0 = v128.load(b, 0)
    const b1 = v128.load(b, 16)
    const b2 = v128.load(b, 32)
    const b3 = v128.load(b, 48)
    const x0 = v128.load32_splat(a0)
    s00 = multiplyAdd(x0, b0, s00)
    s01 = multiplyAdd(x0, b1, s01)
    s02 = multiplyAdd(x0, b2, s02)
    s03 = multiplyAdd(x0, b3, s03)
    const x1 = v128.load32_splat(a1)
    s10 = multiplyAdd(x1, b0, s10)
    s11 = multiplyAdd(x1, b1, s11)
    s12 = multiplyAdd(x1, b2, s12)
    s13 = multiplyAdd(x1, b3, s13)
    const x2 = v128.load32_splat(a2)
    s20 = multiplyAdd(x2, b0, s20)
    s21 = multiplyAdd(x2, b1, s21)
    s22 = multiplyAdd(x2, b2, s22)
    s23 = multiplyAdd(x2, b3, s23)
    const x3 = v128.load32_splat(a3)
    s30 = multiplyAdd(x3, b0, s30)
    s31 = multiplyAdd(x3, b1, s31)
    s32 = multiplyAdd(x3, b2, s32)
    s33 = multiplyAdd(x3, b3, s33)
    const x4 = v128.load32_splat(a4)
    s40 = multiplyAdd(x4, b0, s40)
    s41 = multiplyAdd(x4, b1, s41)
    s42 = multiplyAdd(x4, b2, s42)
    s43 = multiplyAdd(x4, b3, s43)
    const x5 = v128.load32_splat(a5)
    s50 = multiplyAdd(x5, b0, s50)
    s51 = multiplyAdd(x5, b1, s51)
    s52 = multiplyAdd(x5, b2, s52)
    s53 = multiplyAdd(x5, b3, s53)
    b += ldb
    a0 += 4
    a1 += 4
    a2 += 4
    a3 += 4
    a4 += 4
    a5 += 4
  }
  v128.store(c0, s00, 0)
  v128.store(c0, s01, 16)
  v128.store(c0, s02, 32)
  v128.store(c0, s03, 48)
  v128.store(c1, s10, 0)
  v128.store(c1, s11, 16)
  v128.store(c1, s12, 32)
  v128.store(c1, s13, 48)
  v128.store(c2, s20, 0)
  v128.store(c2, s21, 16)
  v128.store(c2, s22, 32)
  v128.store(c2, s23, 48)
  v128.store(c3, s30, 0)
  v128.store(c3, s31, 16)
  v128.store(c3, s32, 32)
  v128.store(c3, s33, 48)
  v128.store(c4, s40, 0)
  v128.store(c4, s41, 16)
  v128.store(c4, s42, 32)
  v128.store(c4, s43, 48)
  v128.store(c5, s50, 0)
  v128.store(c5, s51, 16)
  v128.store(c5, s52, 32)
  v128.store(c5, s53, 48)
}
