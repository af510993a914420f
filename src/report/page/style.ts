/** How the page looks, in light and dark; the charts bring their own. */
export const PAGE_STYLE = `
:root{--ground:#fff;--ink:#1b2530;--quiet:#5d6a77;--edge:#dde3e9;--panel:#f5f7f9;--ok:#1c8560;--info:#0b6e99;--warn:#a9530a;--fault:#c02f3f;--fatal:#7752b3}
@media (prefers-color-scheme:dark){:root{--ground:#11171d;--ink:#e8edf2;--quiet:#9aa8b5;--edge:#2a3540;--panel:#182028;--ok:#58c79c;--info:#4fb3df;--warn:#f0a04f;--fault:#f2707d;--fatal:#b79bec}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 Inter,'Segoe UI','Helvetica Neue','DejaVu Sans',Arial,sans-serif}
main{max-width:908px;margin:0 auto;padding:32px 24px 64px}
h1{font-size:28px;line-height:1.25;margin:0;overflow-wrap:anywhere}
h2{font-size:17px;margin:0 0 8px}
.kind{color:var(--quiet);margin:0 0 4px;font-size:13px}
.verdict{font-size:18px;margin:10px 0 22px;overflow-wrap:anywhere}
.word{display:inline-block;font-size:13px;font-weight:600;line-height:1.4;padding:1px 9px;border-radius:10px;border:1px solid currentColor;vertical-align:middle;white-space:nowrap}
.ok{color:var(--ok)}.info{color:var(--info)}.warn{color:var(--warn)}.fault{color:var(--fault)}.fatal{color:var(--fatal)}
.facts{display:flex;flex-wrap:wrap;gap:14px 32px;margin:0 0 26px;padding:16px 18px;background:var(--panel);border-radius:8px}
.facts dt{color:var(--quiet);font-size:12px}
.facts dd{margin:0;font-weight:600;overflow-wrap:anywhere}
.next{margin:0 0 26px;padding:14px 18px;border:1px solid var(--edge);border-left:4px solid var(--info);border-radius:8px}
.next ul{margin:0;padding-left:20px}
.next li{margin:4px 0}
figure{margin:0 0 26px}
figure svg{display:block;width:100%;height:auto;overflow:visible}
figcaption{color:var(--quiet);font-size:13px;margin-top:2px}
table{border-collapse:collapse;width:100%;margin:0 0 20px;font-size:14px}
th{color:var(--quiet);font-weight:500;text-align:left}
th,td{padding:6px 12px 6px 0;border-bottom:1px solid var(--edge);vertical-align:top;overflow-wrap:anywhere}
.number{text-align:right;white-space:nowrap;overflow-wrap:normal;font-variant-numeric:tabular-nums}
details{margin:24px 0}
summary{cursor:pointer;color:var(--quiet)}
pre{overflow:auto;background:var(--panel);padding:14px;border-radius:8px;font-size:12px}
@media print{main{max-width:none}figure,tr{break-inside:avoid}}
`.trim()
