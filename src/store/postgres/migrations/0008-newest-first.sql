-- What is asked for the newest of costs the same after years.

-- What a leaf is about, as JSON text: its rollout, or its system where it is about none. Read from the end of the text, where
-- the envelope has it: Postgres cannot read JSON that holds U+0000, and no leaf may ever be refused.
CREATE FUNCTION entry_about(leaf text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(part[1], part[2]) FROM regexp_match(right(leaf, 600),
    '(?:,"rollout":("(?:[^"\\]|\\.)*"))?,"system":("(?:[^"\\]|\\.)*"),"type":"[a-z-]+","v":1\}$') AS part
$$;
CREATE FUNCTION entry_type(leaf text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT substring(right(leaf, 60) from '"type":"([a-z-]+)","v":1\}$')
$$;
CREATE INDEX entries_about ON entries (entry_about(leaf), entry_type(leaf), position);
CREATE INDEX entries_about_newest ON entries (entry_about(leaf), position);

-- Rollouts in the order in which they were written first, and of these the promoted ones, by a key that JSON writes so only
-- as a key. Not a partial index: of an expression in an index Postgres learns how often it is true.
DROP INDEX rollouts_newest;
DROP INDEX rollouts_of_system;
CREATE INDEX rollouts_in_order ON rollouts (system, sequence);
CREATE INDEX rollouts_promoted ON rollouts (system, (position('"promotedAt":' in body) > 0), sequence);

-- All that are open, and few that are not: one that has ended says so in a key of its own, beside that of its rollback.
CREATE FUNCTION may_be_open(body text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT (length(body) - length(regexp_replace(body, '"endedAt":[0-9]', '', 'g'))) / 11
    <= (position('"rollback":{' in body) > 0)::int
$$;
CREATE INDEX rollouts_open ON rollouts (may_be_open(body), sequence);
