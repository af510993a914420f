/** Array files as other tools write them. */

export function idx(dims: readonly number[], data: Uint8Array, type = 8): Buffer {
  const header = Buffer.alloc(4 + 4 * dims.length)
  header[2] = type
  header[3] = dims.length
  dims.forEach((dim, i) => header.writeUInt32BE(dim, 4 + 4 * i))
  return Buffer.concat([header, data])
}

export function npy(descr: string, shape: readonly number[], data: Uint8Array, fortran = false, version = 1): Buffer {
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const order = fortran ? 'True' : 'False'
  const text = Buffer.from(`{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${dims}), }\n`)
  const start = Buffer.from(`\x93NUMPY${String.fromCharCode(version, 0)}`, 'latin1')
  const length = Buffer.alloc(version === 1 ? 2 : 4)
  length.writeUIntLE(text.length, 0, length.length)
  return Buffer.concat([start, length, text, data])
}
