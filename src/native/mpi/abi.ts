/**
 * What the MPI standard leaves to each implementation: handles, thread levels and special addresses. Three families:
 *
 * | family     | handles                     | source                                                   |
 * |------------|-----------------------------|----------------------------------------------------------|
 * | `standard` | pointers of fixed value     | MPI 5.0, chapter 20 (ABI); mpi.h of mpi-forum            |
 * | `open-mpi` | addresses of data symbols   | ompi/include/mpi.h, Open MPI 4 and 5                     |
 * | `mpich`    | 32-bit integers             | mpi.h of MPICH 3 and 4; Intel MPI and MVAPICH have them  |
 */
import type { LibraryHandle } from '../koffi.ts'
import type { loadKoffi } from '../koffi.ts'

export type MpiFamily = 'standard' | 'open-mpi' | 'mpich'

/** A handle as koffi passes it. */
export type Handle = number | bigint

export interface MpiAbi {
  /** C type of a handle, and bytes of a request in an array of them. */
  readonly handle: 'uintptr_t' | 'int'
  readonly requestBytes: 4 | 8
  readonly world: Handle
  readonly byte: Handle
  readonly float: Handle
  readonly sum: Handle
  readonly errorsReturn: Handle
  /** Addresses: "in place" and "no statuses wanted". */
  readonly inPlace: bigint
  readonly statusesIgnore: bigint
  /** Only the thread that initialised MPI will call it. */
  readonly funneled: number
}

const STANDARD: MpiAbi = {
  handle: 'uintptr_t',
  requestBytes: 8,
  world: 0x101,
  byte: 0x247,
  float: 0x210,
  sum: 0x21,
  errorsReturn: 0x143,
  inPlace: 1n,
  statusesIgnore: 0n,
  funneled: 1024,
}

const MPICH: MpiAbi = {
  handle: 'int',
  requestBytes: 4,
  world: 0x44000000,
  byte: 0x4c00010d,
  float: 0x4c00040a,
  sum: 0x58000003,
  errorsReturn: 0x54000001,
  inPlace: 0xffff_ffff_ffff_ffffn,
  statusesIgnore: 1n,
  funneled: 1,
}

function openMpi(library: LibraryHandle, koffi: ReturnType<typeof loadKoffi>): MpiAbi {
  const at = (symbol: string) => koffi.address(library.symbol(symbol))
  return {
    handle: 'uintptr_t',
    requestBytes: 8,
    world: at('ompi_mpi_comm_world'),
    byte: at('ompi_mpi_byte'),
    float: at('ompi_mpi_float'),
    sum: at('ompi_mpi_op_sum'),
    errorsReturn: at('ompi_mpi_errors_return'),
    inPlace: 1n,
    statusesIgnore: 0n,
    funneled: 1,
  }
}

export function abiOf(family: MpiFamily, library: LibraryHandle, koffi: ReturnType<typeof loadKoffi>): MpiAbi {
  switch (family) {
    case 'standard':
      return STANDARD
    case 'open-mpi':
      return openMpi(library, koffi)
    case 'mpich':
      return MPICH
  }
}
