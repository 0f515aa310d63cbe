import { MOST_POSTS, type Post } from "../../core/exchange.ts";
import type { Sample } from "../../core/sample.ts";
import type { Database } from "./database.ts";
import { sql } from "./statement.ts";

/** Counts on their way to the holder: whoever reads them takes them away with a later look. */
export function postTable(database: Database) {
  return {
    async post(posts: readonly { readonly system: string; readonly samples: readonly Sample[] }[]): Promise<void> {
      await database.rows(
        sql`INSERT INTO posts (system, body) SELECT * FROM unnest(${posts.map(({ system }) => system)}::text[],
          ${posts.map(({ samples }) => JSON.stringify(samples))}::text[])`,
      );
    },
    async collect(systems: readonly string[], done: readonly string[]): Promise<readonly Post[]> {
      const rows = await database.rows<{ number: string; system: string; body: string }>(
        sql`WITH gone AS (DELETE FROM posts WHERE number = ANY (${[...done]}::bigint[]))
          SELECT number, system, body FROM posts WHERE system = ANY (${[...systems]}::text[])
            AND number NOT IN (SELECT unnest(${[...done]}::bigint[])) ORDER BY number LIMIT ${MOST_POSTS}::bigint`,
      );
      return rows.map(({ number, system, body }) => ({ id: number, system, samples: JSON.parse(body) as Sample[] }));
    },
  };
}
