/**
 * Two hosts on this machine: network namespaces with names and addresses of their own, joined by a veth pair, whose link
 * `tc` can slow down, or by a cable (cable.ts). Launchers reach the second one through an agent of ours in place of ssh.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Launcher } from '../../bench/ranks/launchers.ts'

export interface Hosts {
  readonly names: readonly [string, string]
  readonly addresses: readonly [string, string]
  /** A launcher that starts one rank on each. */
  launcher(of: Launcher): Launcher
  /** Both ends of the link, by the words of `tc qdisc`: `tbf rate 100mbit ..`. */
  shape(...words: string[]): void
  /** Bytes that went over the link, both ways, so far. */
  moved(): number
  /** Takes the link away: the hosts hear nothing of each other any more, and nobody tells them. */
  cut(): void
  /** Commands that run on the hosts. */
  running(): string[]
  /** Ends what is left on the hosts, and the hosts. */
  remove(): void
}

const run = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: 'pipe' })

/** A TAP device does not know. */
const isUp = (name: string, link: string) =>
  /,UP\b.* state (UP|UNKNOWN)/.test(run('ip', 'netns', 'exec', name, 'ip', 'link', 'show', link).toString())

/** Why there are none here; `undefined` where there are. */
export function whyNoHosts(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are of Linux'
  try {
    makeHosts('probe').remove()
    return undefined
  } catch (error) {
    return `namespaces cannot be made: ${(error as Error).message.split('\n').at(-1) || (error as Error).message}`
  }
}

/** Whether the kernel can delay and lose packets. */
export function canDelay(hosts: Hosts): boolean {
  try {
    hosts.shape('netem', 'delay', '1ms')
    return true
  } catch {
    return false
  }
}

export interface Cable {
  /** Milliseconds, one way. */
  readonly delay: number
  /** Share of the frames. */
  readonly loss: number
}

/** @param cable that joins them, instead of a veth pair */
export function makeHosts(tag: string, cable?: Cable): Hosts {
  const id = `${process.pid % 100_000}${tag[0]}`
  const names = [`brig-${id}-a`, `brig-${id}-b`] as const
  const links = [`bva${id}`, `bvb${id}`] as const
  const net = `10.77.${process.pid % 250}`
  const addresses = [`${net}.1`, `${net}.2`] as const
  const folder = mkdtempSync(join(tmpdir(), 'brigantine-hosts-'))
  const inside = (i: number) => ['netns', 'exec', names[i]!] as const
  const processes = () =>
    names.flatMap((name) => spawnSync('ip', ['netns', 'pids', name]).stdout.toString().split('\n').filter(Boolean))
  const ends: (() => void)[] = []
  const remove = () => {
    for (const end of ends) end()
    for (const id of processes()) process.kill(Number(id), 'SIGKILL')
    for (const name of names) spawnSync('ip', ['netns', 'del', name])
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    for (const name of names) run('ip', 'netns', 'add', name)
    if (cable) ends.push(lay(cable, links, names))
    else
      run('ip', 'link', 'add', links[0], 'netns', names[0], 'type', 'veth', 'peer', 'name', links[1], 'netns', names[1])
    for (const i of [0, 1] as const) {
      run('ip', ...inside(i), 'ip', 'addr', 'add', `${addresses[i]}/24`, 'dev', links[i])
      for (const device of ['lo', links[i]]) run('ip', ...inside(i), 'ip', 'link', 'set', device, 'up')
    }
    run('unshare', '--uts', 'hostname', 'probe')
    // The kernel says so a while after it was told to; a library that looks before that takes the link for none.
    while (links.some((link, i) => !isUp(names[i]!, link))) spawnSync('sleep', ['0.02'])
  } catch (error) {
    remove()
    throw error
  }
  const named = (i: number) => `hostname ${names[i]}; exec`
  const agent = join(folder, 'agent')
  writeFileSync(
    agent,
    `#!/bin/sh
[ "$1" = -x ] && shift
host=$1; shift
case $host in ${addresses[0]}) name=${names[0]} ;; *) name=${names[1]} ;; esac
exec ip netns exec $name unshare --uts sh -c "hostname $name; $*"
`,
  )
  chmodSync(agent, 0o755)
  const list = addresses.join(',')
  const only = `${net}.0/24`
  const flags = {
    'Open MPI': [
      ...['--allow-run-as-root', '--bind-to', 'none', '-H', list, '--map-by', 'ppr:1:node'],
      ...['--mca', 'plm_rsh_agent', agent, '--mca', 'btl', 'tcp,self', '--mca', 'btl_tcp_if_include', only],
      ...['--mca', 'oob_tcp_if_include', only],
    ],
    MPICH: [
      ...['-launcher', 'ssh', '-launcher-exec', agent, '-hosts', list, '-ppn', '1', '-bind-to', 'none'],
      // By itself it finds out that both are on one machine.
      ...['-genv', 'UCX_TLS', 'tcp,self', '-genv', 'MPIR_CVAR_NOLOCAL', '1'],
    ],
  }
  return {
    names,
    addresses,
    launcher: ({ name, command }) => ({
      name,
      command: 'ip',
      flags: [...inside(0), 'unshare', '--uts', 'sh', '-c', `${named(0)} "$@"`, 'sh', command, ...flags[name]],
    }),
    shape(...words) {
      for (const i of [0, 1] as const)
        run('ip', ...inside(i), 'tc', 'qdisc', 'replace', 'dev', links[i], 'root', ...words)
    },
    cut: () => void run('ip', ...inside(0), 'ip', 'link', 'set', links[0], 'down'),
    running: () => processes().map((id) => spawnSync('ps', ['-o', 'args=', '-p', id]).stdout.toString().trim()),
    moved() {
      const [link] = JSON.parse(run('ip', ...inside(0), 'ip', '-j', '-s', 'link', 'show', links[0]).toString()) as [
        { stats64: { rx: { bytes: number }; tx: { bytes: number } } },
      ]
      return link.stats64.rx.bytes + link.stats64.tx.bytes
    },
    remove,
  }
}

/** Lays a cable. @returns what takes it away */
function lay({ delay, loss }: Cable, links: readonly [string, string], names: readonly [string, string]): () => void {
  const program = fileURLToPath(new URL('cable.ts', import.meta.url))
  const carrier = spawn(process.execPath, [program, ...links, String(delay), String(loss)], { stdio: 'inherit' })
  const isThere = (link: string) => spawnSync('ip', ['link', 'show', link]).status === 0
  for (let tries = 0; !links.every(isThere); tries++) {
    if (tries === 500) throw new Error(`no cable: ${program} made no devices ${links.join(' and ')} in 10 s`)
    spawnSync('sleep', ['0.02'])
  }
  links.forEach((link, i) => run('ip', 'link', 'set', link, 'netns', names[i]!))
  return () => carrier.kill('SIGKILL')
}
