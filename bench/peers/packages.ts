/**
 * The peers that come from npm. They are no dependencies of the product: they are installed on demand, at these
 * versions and without their scripts, into a cache folder of node_modules.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('../../node_modules/.cache/brigantine-peers/', import.meta.url))
const require = createRequire(join(folder, 'index.js'))

const versions: Readonly<Record<string, string>> = {
  '@tensorflow/tfjs': '4.22.0',
  '@tensorflow/tfjs-backend-wasm': '4.22.0',
  '@jax-js/jax': '0.1.25',
}

export const resolvePeer = (name: string): string => require.resolve(name)
export const requirePeer = (name: string): unknown => require(name)

/** Returns why a package is missing, if it is. */
export function installPeer(name: string): string | undefined {
  if (installed(name)) return undefined
  mkdirSync(folder, { recursive: true })
  const wanted = Object.entries(versions).map(([peer, version]) => `${peer}@${version}`)
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const result = spawnSync('npm', ['install', '--prefix', folder, ...options, ...wanted], { encoding: 'utf8' })
  if (installed(name)) return undefined
  const said = (result.stderr ?? result.error?.message ?? '').trim().split('\n')[0]
  return `npm could not install ${name}@${versions[name]}: ${said || 'no reason given'}`
}

function installed(name: string): boolean {
  if (!existsSync(join(folder, 'node_modules', name, 'package.json'))) return false
  const { version } = require(join(folder, 'node_modules', name, 'package.json')) as { version: string }
  return version === versions[name]
}
