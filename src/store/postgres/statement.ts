/** A piece of SQL and the values that go into it. Its placeholders get their numbers when it is sent. */
export interface Statement {
  /** The text around the values; one more than there are values. */
  readonly pieces: readonly string[];
  readonly values: readonly unknown[];
}

/** SQL with its values in place: `sql`SELECT body FROM routes WHERE system = ${system}``. Values never become text of it. */
export function sql(pieces: TemplateStringsArray, ...values: readonly unknown[]): Statement {
  return { pieces, values };
}

/**
 * One statement of many: the writes as common table expressions around a query. Postgres runs them all, or none, in one
 * transaction and one round trip; a write that nothing reads from is run to its end all the same.
 */
export function together(writes: readonly Statement[], query: Statement): Statement {
  const pieces: string[] = [];
  const values: unknown[] = [];
  let text = "";
  const add = (statement: Statement) => {
    text += statement.pieces[0] ?? "";
    for (const [place, value] of statement.values.entries()) {
      pieces.push(text);
      values.push(value);
      text = statement.pieces[place + 1] ?? "";
    }
  };
  for (const [place, write] of writes.entries()) {
    text += `${place === 0 ? "WITH" : ","} write_${place} AS (`;
    add(write);
    text += ")\n";
  }
  add(query);
  return { pieces: [...pieces, text], values };
}

/** What `pg` takes, under a name, so that a connection parses and plans each text once. */
export interface NamedQuery {
  readonly name: string;
  readonly text: string;
  readonly values: unknown[];
}

const names = new Map<string, string>();

export function named({ pieces, values }: Statement): NamedQuery {
  const text = pieces.map((piece, place) => (place === 0 ? piece : `$${place}${piece}`)).join("");
  const name = names.get(text) ?? `rollbook_${names.size + 1}`;
  names.set(text, name);
  return { name, text, values: [...values] };
}
