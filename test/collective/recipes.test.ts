/** The recipes of README.md for machines that are not here: read by the tools that would read them. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
const section = readme.slice(readme.indexOf('## Past one machine'), readme.indexOf('## Limits'))
const blocks = (language: string) =>
  [...section.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map((match) => match[1]!)

test('the shell scripts are scripts, and leave every rank all its cores', () => {
  expect(blocks('sh')).toHaveLength(3)
  for (const script of blocks('sh')) {
    expect(spawnSync('bash', ['-n'], { input: script, encoding: 'utf8' }).stderr).toBe('')
    expect(script).toContain('--bind-to none')
  }
})

test('the MPIJob asks for as many ranks as it has workers', () => {
  const job = parse(blocks('yaml')[0]!) as {
    kind: string
    spec: {
      mpiReplicaSpecs: Record<
        string,
        { replicas: number; template: { spec: { containers: { command?: string[] }[] } } }
      >
    }
  }
  expect(job.kind).toBe('MPIJob')
  const { Launcher, Worker } = job.spec.mpiReplicaSpecs
  const command = Launcher!.template.spec.containers[0]!.command!
  expect(command[command.indexOf('-n') + 1]).toBe(String(Worker!.replicas))
})

test('the image has what the ranks need', () => {
  const [file] = blocks('dockerfile')
  const instructions = file!
    .replaceAll('\\\n', ' ')
    .trim()
    .split('\n')
    .map((line) => line.split(' ')[0])
  expect(instructions).toEqual(['FROM', 'RUN', 'WORKDIR', 'COPY', 'RUN', 'COPY', 'CMD'])
})
