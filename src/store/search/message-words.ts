// The words of a text, as the index of messages has them. Both stores get words from here, so that the same search finds
// the same messages in each. Upper and lower case, and accents, make no difference. In writing systems without spaces,
// every character is a word; a longer text of them is searched as a phrase.

export interface Word {
  readonly word: string;
  /** Where it begins and ends in the text, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
}

/** UTF-16 units at the beginning of a message that are searched. */
export const maxSearchedText = 65_536;

/** Longer words, such as encoded data, are cut. */
const maxWordLength = 64;

const unspaced =
  String.raw`\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}` +
  String.raw`\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}`;
const words = new RegExp(
  String.raw`(?=[\p{L}\p{N}])(?:[${unspaced}]\p{M}*|(?:(?![${unspaced}])[\p{L}\p{N}\p{M}])+)`,
  'gu',
);
const jsonEscapes = /\\(?:[bfnrt"\\/]|u[0-9a-f]{4})/g;
const ascii = /^[\0-\x7f]*$/;

/** The words of a text, in their order. */
export function* wordsOf(text: string): Generator<Word, void, undefined> {
  for (const match of text.matchAll(words)) {
    const word = fold(match[0]);
    if (word !== '') yield { word, start: match.index, end: match.index + match[0].length };
  }
}

/** The searched words of a message, separated by spaces. `content`: the column of its row. */
export function searchedWords(content: string): string {
  return Array.from(wordsOf(searchedText(content)), ({ word }) => word).join(' ');
}

/** The searched text of a message. `content`: the column of its row. */
export function searchedText(content: string): string {
  let message: { readonly content?: unknown; readonly tool?: unknown } | null = null;
  try {
    message = JSON.parse(content);
  } catch {
    // A damaged row must not stop the others from being found.
  }
  if (typeof message?.content !== 'string') return '';
  const text = message.content.slice(0, maxSearchedText);
  // The output of most tools is JSON: `\\nword` in it is the word at the beginning of a line.
  return message.tool === undefined ? text : text.replace(jsonEscapes, ' ');
}

function fold(word: string): string {
  if (ascii.test(word)) return word.slice(0, maxWordLength).toLowerCase();
  const plain = word
    .slice(0, maxWordLength)
    .normalize('NFKD')
    // Accents. Other marks, such as the vowels of Indic scripts, change the word.
    .replace(/[\u0300-\u036f]/g, '')
    .normalize('NFC')
    .toLowerCase();
  // Some letters stand for several characters with signs between them.
  return plain.replace(/[^\p{L}\p{N}\p{M}]/gu, '');
}
