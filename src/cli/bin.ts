#!/usr/bin/env node
// No imports of our own: an old Node must get as far as saying that it is old. The syntax here runs on Node 18.
import module from 'node:module'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major > 22 || (major === 22 && minor >= 18)) {
  // Node keeps what it compiled, for the next start; NODE_DISABLE_COMPILE_CACHE=1 says no.
  module.enableCompileCache()
  const { main } = await import('./main.ts')
  process.exitCode = await main(process.argv.slice(2))
} else {
  process.stderr.write(
    `brigantine needs Node 22.18 or newer, this is Node ${process.versions.node}: see https://nodejs.org\n`,
  )
  process.exitCode = 1
}

export {}
