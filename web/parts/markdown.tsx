// Markdown of models as elements: headings, lists, code, tables, quotes, links, emphasis. Raw HTML stays text, and only
// http and https links are links, so an answer can do nothing to the page.

import { lexer, type Token, type Tokens } from 'marked';
import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import { Code } from './code.tsx';

export function Markdown({ text }: { readonly text: string }) {
  const tokens = useMemo(() => lexer(text, { gfm: true, breaks: true }), [text]);
  return <div class="markdown">{tokens.map(block)}</div>;
}

function block(token: Token, index: number): ComponentChildren {
  switch (token.type) {
    case 'space':
    case 'def':
      return null;
    case 'heading': {
      const { depth, tokens = [] } = token as Tokens.Heading;
      const Level = `h${Math.min(6, depth + 2)}` as 'h3';
      return <Level key={index}>{tokens.map(inline)}</Level>;
    }
    case 'code': {
      const { text, lang } = token as Tokens.Code;
      return <Code key={index} text={text} language={lang?.split(/\s/)[0]} />;
    }
    case 'blockquote':
      return <blockquote key={index}>{((token as Tokens.Blockquote).tokens ?? []).map(block)}</blockquote>;
    case 'list': {
      const { ordered, start, items } = token as Tokens.List;
      const entries = items.map((item, at) => (
        <li key={at}>
          {item.task && <input type="checkbox" checked={item.checked === true} disabled aria-label="Done" />}
          {item.tokens.map(block)}
        </li>
      ));
      return ordered ? (
        <ol key={index} start={typeof start === 'number' ? start : 1}>
          {entries}
        </ol>
      ) : (
        <ul key={index}>{entries}</ul>
      );
    }
    case 'table': {
      const { header, rows } = token as Tokens.Table;
      return (
        <table key={index}>
          <thead>
            <tr>
              {header.map((cell, at) => (
                <th key={at}>{cell.tokens.map(inline)}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, line) => (
              <tr key={line}>
                {row.map((cell, at) => (
                  <td key={at}>{cell.tokens.map(inline)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      );
    }
    case 'hr':
      return <hr key={index} />;
    case 'paragraph':
      return <p key={index}>{((token as Tokens.Paragraph).tokens ?? []).map(inline)}</p>;
    case 'text': {
      const { tokens, text } = token as Tokens.Text;
      return <span key={index}>{tokens === undefined ? text : tokens.map(inline)}</span>;
    }
    default:
      return <p key={index}>{token.raw}</p>;
  }
}

function inline(token: Token, index: number): ComponentChildren {
  switch (token.type) {
    case 'strong':
      return <strong key={index}>{((token as Tokens.Strong).tokens ?? []).map(inline)}</strong>;
    case 'em':
      return <em key={index}>{((token as Tokens.Em).tokens ?? []).map(inline)}</em>;
    case 'del':
      return <del key={index}>{((token as Tokens.Del).tokens ?? []).map(inline)}</del>;
    case 'codespan':
      return <code key={index}>{(token as Tokens.Codespan).text}</code>;
    case 'br':
      return <br key={index} />;
    case 'link': {
      const { href, tokens = [] } = token as Tokens.Link;
      const content = tokens.map(inline);
      return /^https?:\/\//i.test(href) ? (
        <a key={index} href={href} target="_blank" rel="noreferrer noopener">
          {content}
        </a>
      ) : (
        <span key={index}>{content}</span>
      );
    }
    case 'image':
      // The page asks no other server for anything.
      return <span key={index}>{(token as Tokens.Image).text || (token as Tokens.Image).href}</span>;
    case 'text':
    case 'escape': {
      const { tokens, text } = token as Tokens.Text;
      return tokens === undefined ? text : <span key={index}>{tokens.map(inline)}</span>;
    }
    default:
      return token.raw;
  }
}
