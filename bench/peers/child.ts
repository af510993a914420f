/** A contestant's process, from the runner's side. */
import { spawn } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Entry } from './contestants.ts'
import type { About, Command, Measured, Prepared } from './protocol.ts'

/** A contestant that is silent for so long is given up. */
const PATIENCE_SECONDS = 600

export class Child {
  readonly #process
  #answers: ((line: string | undefined) => void)[] = []
  #early: string[] = []
  #ended = false
  #complaints = ''

  constructor({ command, args, env }: Entry) {
    this.#process = spawn(command, args, { env: { ...process.env, ...env }, stdio: 'pipe' })
    const { stdin, stdout, stderr } = this.#process
    stdin.on('error', () => {})
    stderr.on('data', (data: Buffer) => (this.#complaints = (this.#complaints + data.toString()).slice(-2000)))
    createInterface({ input: stdout }).on('line', (line) => this.#hear(line))
    const end = (error?: Error) => {
      if (error) this.#complaints += error.message
      this.#ended = true
      for (const answer of this.#answers.splice(0)) answer(undefined)
    }
    this.#process.on('error', end)
    this.#process.on('close', () => end())
  }

  about = async (): Promise<About> => (await this.#receive<{ about: About }>()).about

  async ask(command: Command & { cmd: 'prepare' }): Promise<Prepared>
  async ask(command: Command & { cmd: 'run' }): Promise<Measured>
  async ask(command: Command): Promise<Prepared | Measured> {
    this.#process.stdin.write(`${JSON.stringify(command)}\n`)
    return this.#receive()
  }

  /** Processor time used so far by all threads of the process, in seconds; NaN where the system does not tell. */
  cpuSeconds(): number {
    try {
      const stat = readFileSync(`/proc/${this.#process.pid}/stat`, 'utf8')
      // After the name in brackets: user and system time are fields 14 and 15, in ticks of 10 ms.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return (Number(fields[11]) + Number(fields[12])) / 100
    } catch {
      return NaN
    }
  }

  /** The most memory that its processes held at one time, in bytes; NaN where the system does not tell. */
  peakBytes(): number {
    return peakOf(this.#process.pid)
  }

  end(): void {
    this.#process.stdin.end()
    setTimeout(() => this.#process.kill('SIGKILL'), 2000).unref()
  }

  async #receive<T extends object>(): Promise<T> {
    const line = await this.#line()
    if (line === undefined) {
      const last = this.#complaints.trim().split('\n').at(-1)
      throw new Error(`ended or fell silent${last ? `: ${last}` : ''}`)
    }
    const answer = JSON.parse(line) as T | { error: string }
    if ('error' in answer) throw new Error(answer.error)
    return answer
  }

  #line(): Promise<string | undefined> {
    const early = this.#early.shift()
    if (early !== undefined || this.#ended) return Promise.resolve(early)
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#process.kill('SIGKILL')
        resolve(undefined)
      }, PATIENCE_SECONDS * 1e3)
      this.#answers.push((line) => {
        clearTimeout(timer)
        resolve(line)
      })
    })
  }

  /** Lines that are not of the protocol are a library's greetings. */
  #hear(line: string): void {
    if (!line.startsWith('{')) return
    const answer = this.#answers.shift()
    if (answer) answer(line)
    else this.#early.push(line)
  }
}

/** Peak resident memory of a process and those it started, each at its own peak. */
function peakOf(pid: number | undefined): number {
  try {
    const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean),
    )
    return children.reduce((sum, child) => sum + peakOf(Number(child)), 1024 * Number(kilobytes))
  } catch {
    return NaN
  }
}
