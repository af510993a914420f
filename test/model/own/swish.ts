/** A layer as a user writes it: y = gain x sigmoid(x) + offset by channel, with the sigmoids kept for the way back. */
import type { OwnBackward, OwnForward, OwnGradients, OwnShapes } from '../../../src/model/own.ts'

export function shapes(input: readonly number[]): OwnShapes {
  const channels = input.at(-1)!
  return {
    output: input,
    parameters: {
      gain: { shape: [channels], initializer: { type: 'ones' } },
      offset: { shape: [channels], initializer: { type: 'zeros' } },
    },
    saved: input.reduce((a, b) => a * b),
  }
}

export function forward({ x, y, saved, parameters: { gain, offset } }: OwnForward): void {
  const channels = gain!.length
  for (let i = 0; i < x.length; i++) {
    saved[i] = 1 / (1 + Math.exp(-x[i]!))
    y[i] = gain![i % channels]! * x[i]! * saved[i]! + offset![i % channels]!
  }
}

export function backward({ x, saved, dy, dx, parameters: { gain } }: OwnBackward): void {
  for (let i = 0; i < x.length; i++) {
    const s = saved[i]!
    dx[i] = dy[i]! * gain![i % gain!.length]! * (s + x[i]! * s * (1 - s))
  }
}

export function gradients({ x, saved, dy, gradients: { gain, offset } }: OwnGradients): void {
  for (let i = 0; i < x.length; i++) {
    gain![i % gain!.length]! += dy[i]! * x[i]! * saved[i]!
    offset![i % offset!.length]! += dy[i]!
  }
}
