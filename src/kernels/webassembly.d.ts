/** The part of the WebAssembly JavaScript API that is used here: TypeScript has it only in its browser library. */
declare namespace WebAssembly {
  interface MemoryDescriptor {
    initial: number
    maximum?: number
    shared?: boolean
  }
  class Memory {
    constructor(descriptor: MemoryDescriptor)
    readonly buffer: SharedArrayBuffer
    /** Grows by `pages` of 64 KiB; returns the former size in pages. */
    grow(pages: number): number
  }
  class Global {
    readonly value: unknown
  }
  class Module {
    constructor(bytes: BufferSource)
  }
  class Instance {
    constructor(module: Module, imports?: Record<string, Record<string, unknown>>)
    readonly exports: Record<string, unknown>
  }
  type BufferSource = ArrayBufferView | ArrayBuffer
  function compile(bytes: BufferSource): Promise<Module>
  function validate(bytes: BufferSource): boolean
}
