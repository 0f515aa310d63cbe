import type pg from "pg";
import { type Digest, digestOfJson, type Json } from "../../core/digest.ts";

/**
 * What readers of one schema reach, as the server itself prints it: views with columns, owner, grants and options,
 * their triggers and rules, and the functions beside them. Printed with the schema in front of the search path, so its
 * own name appears nowhere and a renamed schema digests the same.
 */
export async function catalogueOf(client: pg.ClientBase, schema: string): Promise<Digest | undefined> {
  await client.query("SELECT set_config('search_path', quote_ident($1), true)", [schema]);
  const found = await client.query<{ entry: Json }>(VIEWS, [schema]);
  if (found.rows.length === 0) return undefined;
  const functions = await client.query<{ entry: Json }>(FUNCTIONS, [schema]);
  return digestOfJson([found.rows.map(({ entry }) => entry), functions.rows.map(({ entry }) => entry)]);
}

/** The names of the plain views of some schemas, quoted, as a statement can use them. */
export async function viewNames(client: pg.ClientBase, schemas: readonly string[]): Promise<readonly string[]> {
  const found = await client.query<{ name: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = ANY($1) AND c.relkind = 'v' ORDER BY 1`,
    [schemas],
  );
  return found.rows.map(({ name }) => name);
}

const COLUMNS = `
  SELECT jsonb_agg(jsonb_build_array(a.attname, format_type(a.atttypid, a.atttypmod),
                                     pg_get_expr(d.adbin, d.adrelid)) ORDER BY a.attnum)
    FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
   WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped`;

const VIEWS = `
  SELECT jsonb_build_object(
    'name', c.relname, 'kind', c.relkind::text, 'sql', pg_get_viewdef(c.oid),
    'owner', pg_get_userbyid(c.relowner), 'options', to_jsonb(c.reloptions),
    'grants', (SELECT jsonb_agg(g::text ORDER BY g::text) FROM unnest(c.relacl) g),
    'columns', (${COLUMNS}),
    'triggers', (SELECT jsonb_agg(jsonb_build_array(pg_get_triggerdef(t.oid, true), t.tgenabled::text) ORDER BY t.tgname)
                   FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal),
    'rules', (SELECT jsonb_agg(pg_get_ruledef(r.oid, true) ORDER BY r.rulename)
                FROM pg_rewrite r WHERE r.ev_class = c.oid AND r.rulename <> '_RETURN')) AS entry
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = $1 AND c.relkind IN ('v', 'm') ORDER BY c.relname`;

const FUNCTIONS = `
  SELECT jsonb_build_object('name', p.proname, 'arguments', pg_get_function_arguments(p.oid),
    'result', pg_get_function_result(p.oid), 'source', p.prosrc, 'definer', p.prosecdef,
    'owner', pg_get_userbyid(p.proowner), 'settings', to_jsonb(p.proconfig)) AS entry
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
   WHERE n.nspname = $1 ORDER BY p.proname, pg_get_function_identity_arguments(p.oid)`;
