import { writeFileSync, readFileSync, existsSync } from 'node:fs'
import { Trainer } from './src/train/trainer.ts'
import { workload } from './bench/workloads.ts'
import { tracedSpans } from './bench/traced.ts'
import { costsOf } from './bench/simulate/costs.ts'
import { simulate } from './bench/simulate/schedule.ts'
import { machineCosts } from './bench/simulate/machine.ts'
import { summarizePlan } from './src/plan/summary.ts'
const [name, kernels, file] = process.argv.slice(2) as [string,string,string]
if (!existsSync(file)) {
  const { config, data } = workload(name as never)
  const here = await machineCosts()
  const traces: any[] = []; const meas: number[] = []
  let plan: any
  for (const n of [1,2]) {
    const t = await Trainer.create({ ...config, workers: n, kernels: kernels as never, schedule: 'constant' })
    await t.fit(data, { epochs: 3 })
    const m = (await t.fit(data, { epochs: 6 })).steps.micros
    meas.push(m.toSorted()[m.length>>1]!)
    traces.push(await tracedSpans(t, data, 8)); plan = summarizePlan(t.plan(data)); await t.close()
  }
  writeFileSync(file, JSON.stringify({ here, traces, meas }))
}
const { here, traces, meas } = JSON.parse(readFileSync(file,'utf8'))
const costs = costsOf(traces[0], traces[1], meas[0], here.clockMicros)
const med = (a: number[]) => a.toSorted((x,y)=>x-y)[a.length>>1]!
console.log('measured', meas, 'wake', costs.wakeLooking, costs.wakeSleeping, 'perPiece', costs.perPiece, 'counter', here.counterMicros)
for (const n of [1,2,16,64]) {
  const r = simulate(costs, { workers: n, counterMicros: here.counterMicros, stretch: (p) => costs.contention.get(p) ?? 1, exchange: () => 0 })
  const m = med([...r.steps]); console.log('workers', n, m.toFixed(0), 'eff', (meas[0]/m/n*100).toFixed(1))
  if (n>=16) for (const [p, v] of r.phases) console.log('   ', p.padEnd(10), 'busy', (v.busy/n).toFixed(0).padStart(6), 'idle', (v.idle/n).toFixed(0).padStart(6), 'serial', (v.serial/n).toFixed(0).padStart(6), 'pieces', v.pieces, 'contention', costs.contention.get(p)?.toFixed(2))
}
const s = costs.steps[costs.steps.length>>1]!
for (const ph of s) { const q=ph.pieces.toSorted((a,b)=>a-b); console.log(ph.phase, q.length, 'sum', q.reduce((a,b)=>a+b,0).toFixed(0), 'min', q[0]!.toFixed(0), 'med', q[q.length>>1]!.toFixed(0), 'p90', q[Math.floor(q.length*.9)]!.toFixed(0), 'max', q.at(-1)!.toFixed(0), 'serial', ph.serial.toFixed(0)) }
