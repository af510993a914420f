/**
 * A cable between two hosts that delays what goes over it and loses some, where the kernel has no netem: a process with an
 * Ethernet device (TAP) at either end, which the kernel takes for hardware. `node cable.ts DEVICE DEVICE MILLISECONDS LOSS`
 */
import { openSync, read, writeSync } from 'node:fs'
import { loadKoffi } from '../../src/native/koffi.ts'

const [one, other, delay, loss] = process.argv.slice(2) as [string, string, string, string]

/** Linux's if_tun.h: makes a device of the name in the first 16 bytes; whole frames, nothing before them. */
const TUNSETIFF = 0x400454ca
const IFF_TAP = 0x0002
const IFF_NO_PI = 0x1000
const LONGEST_FRAME = 65_536

const ioctl = loadKoffi().load(null).func('int ioctl(int, unsigned long, void *)') as (
  ...args: [number, number, Buffer]
) => number

function device(name: string): number {
  const file = openSync('/dev/net/tun', 'r+')
  const request = Buffer.alloc(40)
  request.write(name)
  request.writeUInt16LE(IFF_TAP | IFF_NO_PI, 16)
  if (ioctl(file, TUNSETIFF, request) !== 0) throw new Error(`no device ${name} can be made: is this root?`)
  return file
}

function carry(from: number, to: number): void {
  const frame = Buffer.alloc(LONGEST_FRAME)
  read(from, frame, 0, frame.length, null, (error, length) => {
    if (error) throw error
    if (Math.random() >= Number(loss)) setTimeout(() => deliver(frame.subarray(0, length), to), Number(delay))
    carry(from, to)
  })
}

function deliver(frame: Buffer, to: number): void {
  try {
    writeSync(to, frame)
  } catch (error) {
    // A device that is not up takes nothing: lost too.
    if ((error as NodeJS.ErrnoException).code !== 'EIO') throw error
  }
}

const [a, b] = [device(one), device(other)]
carry(a, b)
carry(b, a)
