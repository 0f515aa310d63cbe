import pg from "pg";

/**
 * One SQL expression for the digest of what a Postgres schema is: relations with columns, constraints, indexes,
 * triggers, rules, policies, functions, types and sequences, as the server prints them. No oids, no data, no grants, no
 * order of columns (a column that comes back comes back last), none of Flyway's tables or ours. The same text is asked
 * by us and, inside the transaction of a migration, by a callback. Needs an empty search path, so that names are whole.
 */
export function catalogueDigest(schema: string, hidden: readonly string[]): string {
  const names = `ARRAY[${hidden.map((name) => pg.escapeLiteral(name)).join(", ")}]::text[]`;
  const parts = PARTS.replaceAll(":schema", () => pg.escapeLiteral(schema)).replaceAll(":hidden", () => names);
  return `(SELECT 'sha256:' || encode(sha256(convert_to(coalesce(string_agg(e::text, chr(10) ORDER BY e::text COLLATE "C"), ''), 'UTF8')), 'hex') FROM (${parts}) AS entries(e))`;
}

const OF_SCHEMA = `JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = :schema AND c.relname <> ALL (:hidden)`;
const NO_EXTENSION = (of: string) => `NOT EXISTS (SELECT FROM pg_depend x WHERE x.objid = ${of} AND x.deptype = 'e')`;

const PARTS = `
  SELECT jsonb_build_object('relation', c.relname, 'kind', c.relkind::text, 'persistence', c.relpersistence::text,
    'options', to_jsonb(c.reloptions), 'policies', jsonb_build_array(c.relrowsecurity, c.relforcerowsecurity),
    'view', CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,
    'partition', jsonb_build_array(pg_get_expr(c.relpartbound, c.oid),
      CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END),
    'columns', (SELECT jsonb_object_agg(a.attname, jsonb_build_array(format_type(a.atttypid, a.atttypmod), a.attnotnull,
        pg_get_expr(d.adbin, d.adrelid), a.attidentity::text, a.attgenerated::text,
        (SELECT l.collname FROM pg_collation l WHERE l.oid = a.attcollation)))
      FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))
    FROM pg_class c ${OF_SCHEMA} AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND ${NO_EXTENSION("c.oid")}
  UNION ALL SELECT jsonb_build_array('constraint', c.relname, k.conname, pg_get_constraintdef(k.oid), k.convalidated)
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid ${OF_SCHEMA}
  UNION ALL SELECT jsonb_build_array('index', pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisunique)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid ${OF_SCHEMA}
  UNION ALL SELECT jsonb_build_array('trigger', pg_get_triggerdef(t.oid), t.tgenabled::text)
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid ${OF_SCHEMA} AND NOT t.tgisinternal
  UNION ALL SELECT jsonb_build_array('rule', pg_get_ruledef(r.oid), r.ev_enabled::text)
    FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class ${OF_SCHEMA} AND r.rulename <> '_RETURN'
  UNION ALL SELECT jsonb_build_array('policy', c.relname, p.polname, p.polcmd::text, p.polpermissive,
      pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
    FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid ${OF_SCHEMA}
  UNION ALL SELECT jsonb_build_array('sequence', c.relname, format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement,
      s.seqmin, s.seqmax, s.seqcycle)
    FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid ${OF_SCHEMA}
  UNION ALL SELECT jsonb_build_array('function', pg_get_functiondef(p.oid))
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = :schema AND p.prokind <> 'a' AND ${NO_EXTENSION("p.oid")}
  UNION ALL SELECT jsonb_build_array('type', t.typname, t.typtype::text, format_type(t.typbasetype, t.typtypmod),
      t.typnotnull, t.typdefault,
      (SELECT jsonb_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid),
      (SELECT jsonb_agg(pg_get_constraintdef(k.oid) ORDER BY k.conname) FROM pg_constraint k WHERE k.contypid = t.oid))
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
    WHERE n.nspname = :schema AND t.typtype IN ('e', 'd') AND ${NO_EXTENSION("t.oid")}`;
