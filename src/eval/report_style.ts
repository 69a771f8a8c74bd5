import { CHART_STYLE, THEME } from './svg.ts';

/** The style sheet of report.html: one column of cards, system fonts, light and dark. */
export const REPORT_STYLE = `${THEME}${CHART_STYLE}
*{box-sizing:border-box}
:root{color-scheme:light dark;--serif:"Iowan Old Style","Palatino Linotype",Palatino,"URW Palladio L",Georgia,serif;--mono:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.55 var(--sans);-webkit-font-smoothing:antialiased}
main{max-width:1080px;margin:0 auto;padding:40px 24px 56px}
svg{display:block;width:100%;height:auto;overflow:visible}
h1,h2,h3,p,dl,dd,figure{margin:0}
.masthead{display:flex;align-items:center;gap:12px;color:var(--soft);font-size:13px;letter-spacing:.02em}
.masthead svg{width:26px;height:26px;flex:none}.masthead b{color:var(--ink);font-size:15px;letter-spacing:0}
.masthead span:last-child{margin-left:auto;text-align:right}
h1{font:400 clamp(30px,4.6vw,46px)/1.12 var(--serif);letter-spacing:-.015em;margin:30px 0 12px;max-width:24ch;text-wrap:balance}
.lede{color:var(--soft);font-size:16.5px;max-width:70ch;margin-bottom:30px;text-wrap:pretty}
.card{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:24px 26px;margin-bottom:18px}
.card>header{margin-bottom:16px}
h2{font:400 23px/1.2 var(--serif);letter-spacing:-.005em}
.card>header p{color:var(--soft);font-size:13.5px;margin-top:4px;max-width:82ch}
.hero{display:grid;grid-template-columns:minmax(230px,300px) 1fr;gap:40px;align-items:center}
.jump{font:400 17px/1.2 var(--serif);color:var(--soft)}
.jump b{display:block;font:400 76px/1 var(--serif);color:var(--after);letter-spacing:-.035em;margin:8px 0 6px;font-variant-numeric:lining-nums}
.jump.open b{color:var(--ink)}
.jump b small{font-size:32px;letter-spacing:0;margin-left:5px}
.jump em{font-style:normal;color:var(--ink)}
.note{border-left:3px solid var(--after);padding:2px 0 2px 14px;margin-top:22px;color:var(--soft);font-size:13.5px}
.three{display:grid;grid-template-columns:repeat(3,1fr);gap:18px}
.three .card{padding:18px 20px}
h3{font:600 13.5px var(--sans);margin-bottom:10px}h3 span{color:var(--soft);font-weight:400}
.two{display:grid;grid-template-columns:1fr 1fr;gap:26px 36px}.two figure{min-width:0}.narrow{display:none}.legend+.two{margin-top:14px}
.finding{font:400 17px/1.35 var(--serif);color:var(--soft);margin-bottom:20px}.finding b{font:400 34px/1 var(--serif);color:var(--after);letter-spacing:-.02em;margin-right:4px;white-space:nowrap}
details{margin-top:14px}summary{cursor:pointer;color:var(--soft);font-size:13px;width:fit-content}details[open] summary{margin-bottom:12px}details td{font-size:13px;font-variant-numeric:tabular-nums}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;color:var(--soft);font-size:12.5px;margin-top:8px}
.legend i{display:inline-block;width:18px;height:0;border-top:2.25px solid var(--after);vertical-align:middle;margin-right:7px}.legend i.thin{border-top-width:1px;opacity:.5}.legend i.dashes{border-top-style:dashed}
table{border-collapse:collapse;width:100%}
.lens{overflow-x:auto}.wide+.lens{margin-top:22px}.lens th{font:400 12px var(--sans);color:var(--soft);text-align:left;padding:0 14px 8px 0}
.lens td{padding:6px 14px 6px 0;border-top:1px solid var(--line);vertical-align:middle}
.lens td:first-child{font-variant-numeric:tabular-nums;color:var(--soft);width:44px}.lens td.norm{width:190px;white-space:nowrap;font-variant-numeric:tabular-nums;font-size:13px}
.norm i{display:inline-block;height:9px;border-radius:2px;vertical-align:middle;margin-right:9px;min-width:2px}
.token{display:inline-block;font:12.5px/1.5 var(--mono);padding:1px 8px;margin:2px 5px 2px 0;border-radius:5px;white-space:pre;background:color-mix(in oklab,var(--after) var(--w),transparent)}
.token s{text-decoration:none;opacity:.4}
.problem{padding:18px 0 20px;border-top:1px solid var(--line)}.problem:first-of-type{border-top:0;padding-top:0}.problem:last-of-type{padding-bottom:0}
.problem>p{font:400 17px/1.4 var(--serif);margin-bottom:12px;max-width:78ch}.problem>p span{color:var(--soft);font:13px var(--sans);white-space:nowrap}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:14px}
.said{border-radius:8px;padding:11px 14px 12px;background:var(--paper);min-width:0}
.said h4{margin:0 0 6px;font:600 12px var(--sans);color:var(--soft);display:flex;justify-content:space-between}
.said h4 b{font-weight:600}.right h4 b{color:var(--good)}.wrong h4 b{color:var(--bad)}
.said pre{margin:0;font:12.5px/1.55 var(--mono);white-space:pre-wrap;overflow-wrap:anywhere}
mark{background:color-mix(in oklab,var(--after) 20%,transparent);color:inherit;border-radius:3px;padding:1px 2px}
.stack{display:flex;height:14px;border-radius:4px;overflow:hidden;gap:2px;margin-bottom:12px}.stack i{min-width:2px}
.times{display:flex;flex-wrap:wrap;gap:6px 26px;font-size:13.5px;color:var(--soft)}.times i{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:8px}.times b{color:var(--ink);font-weight:600;font-variant-numeric:tabular-nums}
.fields{columns:2;column-gap:44px;font-size:13px}
.fields div{display:flex;justify-content:space-between;gap:18px;padding:5px 0;border-bottom:1px solid var(--line);break-inside:avoid}
.fields dt{color:var(--soft);font-family:var(--mono);font-size:12px}.fields dd{text-align:right;overflow-wrap:anywhere;font-variant-numeric:tabular-nums;white-space:pre-wrap}
footer{color:var(--soft);font-size:12.5px;margin-top:26px}
@media (max-width:820px){.hero,.three,.pair{grid-template-columns:1fr}.fields{columns:1}.hero{gap:22px}.wide{overflow-x:auto}.wide svg{min-width:620px}main{padding:24px 14px}.card{padding:18px 16px}}
@media (max-width:960px){.two{grid-template-columns:1fr}.two svg{max-width:640px}}
@media (max-width:520px){.broad{display:none}.narrow{display:block}}
@media print{body{background:#fff}.card{break-inside:avoid}}
`.replaceAll('\n', '');
