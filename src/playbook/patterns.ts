/** How values are written: sources of regular expressions that the parser and the JSON Schema share. */
export const NUMBER = String.raw`\d{1,15}(?:\.\d{1,15})?`;

export const patterns = {
  name: "^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$",
  address: String.raw`^[a-z][a-z0-9+.-]*:\/\/[^\s/]\S*$`,
  /** A user or a password, which never belongs into an address. */
  credentials: String.raw`^https?:\/\/[^/]*@|:\/\/[^/@]*:[^/@]*@`,
  /** Our own edges, through which traffic can be contained. */
  edge: "^(?:gateway|flags)://",
  span: String.raw`^\s*\d+(?:\.\d+)?(?:ms|s|m|h|d)\s*$`,
  percent: `^(${NUMBER})\\s*%$`,
  margin: `^(${NUMBER})\\s*(%|pp)$`,
  /** A plain number, on a signal's own scale. */
  number: `^-?${NUMBER}$`,
  traffic: String.raw`^(${NUMBER})(?:\s+[A-Za-z][A-Za-z -]*)?\s*\/\s*(s|min|h)$`,
  odds: String.raw`^(?:(\d{1,9}) in (\d{1,12})(?: releases?)?|(${NUMBER})\s*%)$`,
  whole: String.raw`^\d{1,15}$`,
  step: String.raw`^(\d{1,6}(?:\.\d+)?)\s*%?$`,
  /** Nothing cannot be held back for a time. */
  holdback: String.raw`^(?!0+(?:\.0+)?\s*%\s+for\s)(\d{1,6}(?:\.\d+)?)\s*%(?:\s+for\s+(\d+(?:\.\d+)?(?:ms|s|m|h|d)))?$`,
  condition: String.raw`^([^\s<>=≥≤]+)\s*([<>=≥≤]+)\s*(\S.*)$`,
  /** So many bad ones in a row, of a signal. */
  run: String.raw`^([^\s<>=≥≤]+)\s+(\d{1,15}) in a row$`,
  money: String.raw`^(${NUMBER})\s+([A-Z]{3})$`,
  quantile: String.raw`^p(\d{1,2}(?:\.\d{1,3})?)$`,
  unanswered: String.raw`^contain after (\d+(?:\.\d+)?(?:ms|s|m|h|d))$`,
} as const;

/** Longest name, longest address, and the longest of any value: nothing that people read aloud is longer. */
export const lengths = { name: 64, address: 512, value: 1024 } as const;
