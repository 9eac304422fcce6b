// The style sheet of the docs page: follows the reader's light or dark setting, and uses one column on a phone.

/** The source text of the style sheet. */
export const docsPageStyle = `
:root {
  color-scheme: light dark;
  --back: light-dark(#fbfbfa, #15171a); --panel: light-dark(#fff, #1c1f23); --line: light-dark(#dfe1e5, #353a41);
  --ink: light-dark(#1d2126, #e6e8eb); --quiet: light-dark(#565e68, #a3abb5); --accent: light-dark(#0b5cad, #79b8ff);
  --get: light-dark(#0b5cad, #79b8ff); --post: light-dark(#14692f, #6fd08c); --change: light-dark(#8a4b00, #f0b458); --delete: light-dark(#b3261e, #ff9a92);
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; overflow-wrap: anywhere; }
a { color: var(--accent); }
code, pre { font: .875em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.skip { position: absolute; left: -999px; }
.skip:focus { left: 8px; top: 8px; padding: 8px 12px; background: var(--panel); z-index: 2; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
header { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: 8px 24px; align-items: center; padding: 10px 20px; background: var(--panel); border-bottom: 1px solid var(--line); }
h1 { flex: 1 1 auto; margin: 0; font-size: 1.15rem; }
h1 small { color: var(--quiet); font-weight: 400; }
h2 { margin: 2.2rem 0 .6rem; font-size: 1.15rem; scroll-margin-top: 70px; }
h2:first-letter { text-transform: uppercase; }
h3 { margin: 1.1rem 0 .35rem; font-size: .8rem; letter-spacing: .04em; text-transform: uppercase; color: var(--quiet); }
.search { flex: 0 1 320px; }
input { width: 100%; padding: 7px 12px; font: inherit; color: inherit; background: var(--back); border: 1px solid var(--line); border-radius: 8px; }
.columns { display: grid; grid-template-columns: 190px minmax(0, 820px); gap: 32px; justify-content: center; padding: 8px 20px 80px; }
nav ul { position: sticky; top: 72px; margin: 14px 0; padding: 0; list-style: none; }
nav a { display: block; padding: 3px 0; color: var(--quiet); text-decoration: none; }
nav a:hover { color: var(--accent); text-decoration: underline; }
nav a:first-letter { text-transform: uppercase; }
section, details { scroll-margin-top: 70px; }
details.route { margin: 8px 0; background: var(--panel); border: 1px solid var(--line); border-radius: 10px; }
details.route > summary { display: grid; grid-template-columns: 4.2rem minmax(0, auto) 1fr auto; gap: 2px 12px; align-items: baseline; padding: 9px 14px; cursor: pointer; list-style: none; border-radius: 10px; }
details.route > summary::-webkit-details-marker { display: none; }
details.route[open] > summary { border-bottom: 1px solid var(--line); border-radius: 10px 10px 0 0; }
details.route > div { padding: 2px 14px 16px; }
summary .words { color: var(--quiet); }
.method { font: 700 .78rem ui-monospace, Menlo, Consolas, monospace; }
.GET { color: var(--get); } .POST { color: var(--post); } .PUT, .PATCH { color: var(--change); } .DELETE { color: var(--delete); }
.quiet { color: var(--quiet); }
.mark { display: inline-block; padding: 0 7px; font-size: .75rem; color: var(--quiet); border: 1px solid var(--line); border-radius: 99px; }
.rows { margin: 0; }
.rows > div { display: grid; grid-template-columns: minmax(0, 260px) minmax(0, 1fr); gap: 2px 16px; padding: 7px 0; border-top: 1px solid var(--line); }
.rows dd, .schema dd { margin: 0; }
.schema { margin: 0; padding-left: 12px; border-left: 2px solid var(--line); }
.schema dt { margin-top: 6px; }
.schema .schema { margin: 4px 0; }
.needed { color: var(--delete); font-size: .78rem; }
pre { margin: 0; padding: 10px 12px; white-space: pre-wrap; background: var(--back); border: 1px solid var(--line); border-radius: 8px; }
.example { position: relative; }
.example pre { padding-right: 72px; }
button { padding: 2px 10px; font: inherit; font-size: .8rem; color: inherit; background: var(--panel); border: 1px solid var(--line); border-radius: 6px; cursor: pointer; }
.example button { position: absolute; top: 6px; right: 6px; }
.link { color: var(--quiet); text-decoration: none; }
.tabs { display: flex; gap: 6px; margin-bottom: 6px; }
.tab[aria-pressed=true] { border-color: var(--accent); color: var(--accent); }
details.more { margin-top: 8px; }
details.more > summary { cursor: pointer; color: var(--accent); }
.try { display: grid; gap: 8px; margin-top: 8px; }
.try p { margin: 0; }
.field label { display: block; font-size: .85rem; color: var(--quiet); }
textarea { width: 100%; padding: 7px 12px; font: .875em/1.5 ui-monospace, Menlo, Consolas, monospace; color: inherit; background: var(--back); border: 1px solid var(--line); border-radius: 8px; }
.send { justify-self: start; }
.rows > div { scroll-margin-top: 70px; }
[hidden] { display: none !important; }
@media (max-width: 760px) {
  .columns { grid-template-columns: minmax(0, 1fr); gap: 0; padding: 4px 14px 60px; }
  header { padding: 8px 14px; }
  .search { flex-basis: 100%; }
  nav ul { position: static; display: flex; flex-wrap: wrap; gap: 0 14px; margin-bottom: 0; }
  .rows > div { grid-template-columns: minmax(0, 1fr); }
  details.route > summary { grid-template-columns: 4.2rem minmax(0, 1fr) auto; }
  summary .words { grid-column: 1 / -1; }
  h2, section, details { scroll-margin-top: 110px; }
}
@media print { header, nav, button { display: none; } }
`;
