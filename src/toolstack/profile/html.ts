import { byFunction, type Profile } from './profile.ts';

/** Functions in the table. */
const MOST = 60;

const markup = (text: string): string => text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c] as string);
const percent = (part: number, whole: number): string => (whole === 0 ? '0' : ((part * 100) / whole).toFixed(1));

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --bar: #4a90d9; --faint: #8888; }
body { font: 14px/1.4 system-ui, sans-serif; margin: 1.5rem auto; max-width: 80rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; margin: 0 0 .3rem; } h2 { font-size: 1.05rem; margin: 1.6rem 0 .5rem; }
p { margin: .2rem 0; } .faint { color: GrayText; }
table { border-collapse: collapse; } td, th { padding: .15rem .8rem .15rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; } td.name { font-family: ui-monospace, monospace; font-size: 13px; word-break: break-all; }
td.bar { width: 16rem; } td.bar div { background: var(--bar); height: .8rem; border-radius: 2px; min-width: 1px; }
.columns { display: flex; flex-wrap: wrap; gap: 0 3rem; }
#flame { position: relative; overflow: hidden; border: 1px solid var(--line); border-radius: 4px; }
#flame button { position: absolute; height: 18px; border: 0; padding: 0 3px; margin: 0; text-align: left; font: 11px/18px ui-monospace, monospace; color: #111;
  overflow: hidden; white-space: nowrap; border-right: 1px solid #fff8; border-bottom: 1px solid #fff8; cursor: pointer; border-radius: 0; }
#flame button:hover, #flame button:focus-visible { outline: 2px solid #000; outline-offset: -2px; z-index: 1; }
#where { min-height: 1.4em; font-family: ui-monospace, monospace; font-size: 12px; }
`;

/** Draws the flame graph: a box for each function below its caller, as wide as its share; a click shows that part alone. */
const SCRIPT = `
const { names, stacks, interval } = JSON.parse(document.getElementById('data').textContent);
const node = (name, up) => ({ name, up, count: 0, below: new Map() });
const root = node('all', undefined);
for (const { frames, count } of stacks) {
  let at = root; at.count += count;
  for (const frame of frames) {
    if (!at.below.has(frame)) at.below.set(frame, node(names[frame], at));
    at = at.below.get(frame); at.count += count;
  }
}
const flame = document.getElementById('flame'), where = document.getElementById('where');
const share = (n) => (n.count * 100 / root.count).toFixed(2) + ' %, ' + (n.count * interval / 1e6).toLocaleString('en', { maximumFractionDigits: 1 }) + ' M instructions';
const hue = (name) => { let h = 0; for (const c of name) h = (h * 31 + c.codePointAt(0)) % 997; return 20 + h % 45; };
const draw = (top) => {
  flame.replaceChildren();
  const width = flame.clientWidth; let deepest = 0;
  const box = (n, left, wide, level) => {
    deepest = Math.max(deepest, level);
    const b = document.createElement('button');
    b.textContent = wide > 24 ? n.name : ''; b.title = n.name + ': ' + share(n);
    b.style.cssText = 'left:' + left + 'px;width:' + wide + 'px;top:' + level * 18 + 'px;background:hsl(' + hue(n.name) + ' 85% ' + (level % 2 ? 66 : 62) + '%)';
    b.onclick = () => draw(n === top && n.up ? n.up : n);
    b.onmouseenter = b.onfocus = () => { where.textContent = n.name + ': ' + share(n); };
    flame.append(b);
  };
  const path = []; for (let n = top.up; n; n = n.up) path.unshift(n);
  path.forEach((n, level) => box(n, 0, width, level));
  const place = (n, left, wide, level) => {
    if (wide < 1) return;
    box(n, left, wide, level);
    let at = left;
    for (const child of [...n.below.values()].sort((a, b) => b.count - a.count)) { const w = wide * child.count / n.count; place(child, at, w, level + 1); at += w; }
  };
  place(top, 0, width, path.length);
  flame.style.height = (deepest + 1) * 18 + 'px';
};
draw(root);
let timer; addEventListener('resize', () => { clearTimeout(timer); timer = setTimeout(() => draw(root), 100); });
`;

const rows = (entries: readonly (readonly [string, number])[], show: (value: number) => string): string => {
  const whole = entries.reduce((sum, [, value]) => sum + value, 0);
  return [...entries]
    .filter(([, value]) => value > 0)
    .sort((a, b) => b[1] - a[1])
    .map(
      ([name, value]) =>
        `<tr><td>${markup(name)}</td><td class="n">${show(value)}</td><td class="n">${percent(value, whole)} %</td><td class="bar"><div style="width:${percent(value, whole)}%"></div></td></tr>`,
    )
    .join('\n');
};

/** The profile as one page that needs nothing else. */
export function toHtml(profile: Profile): string {
  const { title, guest, host, exits, hypercalls, instructions } = profile;
  const samples = guest.stacks.reduce((sum, { count }) => sum + count, 0);
  const functions = byFunction(guest).filter(({ self }) => self > 0);
  const table = functions
    .slice(0, MOST)
    .map(
      ({ name, self, total }) =>
        `<tr><td class="n">${percent(self, samples)} %</td><td class="n">${percent(total, samples)} %</td><td class="bar"><div style="width:${percent(self, functions[0]?.self ?? 1)}%"></div></td><td class="name">${markup(name)}</td></tr>`,
    )
    .join('\n');
  const count = (value: number): string => value.toLocaleString('en');
  const time = (value: number): string => `${(value / 1000).toLocaleString('en', { maximumFractionDigits: 0 })} ms`;
  // no character ends the script element, whatever a guest calls its functions
  const data = JSON.stringify(guest).replace(/</g, '\\u003c');
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${markup(title)}: profile</title><style>${STYLE}</style></head><body>
<h1>${markup(title)}</h1>
<p>${count(instructions)} guest instructions; a sample every ${count(guest.interval)}, ${count(samples)} in all.</p>
<p class="faint">Samples fall at fixed instruction numbers, so that they do not change what runs. Callers are found on the stack where they are certain; an incomplete stack hangs from "kernel".</p>
<h2>Where the guest was</h2>
<div id="flame"></div><p id="where" class="faint">Click a box to see it alone.</p>
<div class="columns">
<section><h2>Where the host's time went</h2><table>${rows(Object.entries(host), time)}</table></section>
<section><h2>Exits to the hypervisor</h2><table>${rows(Object.entries(exits), count)}</table></section>
<section><h2>Hypercalls</h2><table>${rows(Object.entries(hypercalls), count)}</table></section>
</div>
<h2>Functions</h2>
<table><tr><th class="n">self</th><th class="n">with callees</th><th></th><th>function</th></tr>
${table}
</table>
<script type="application/json" id="data">${data}</script>
<script>${SCRIPT}</script>
</body></html>
`;
}
