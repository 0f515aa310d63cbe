-- What is asked for the newest of costs the same after years: entries about a rollout, or about a system and no rollout;
-- rollouts in the order in which they were written first; and of these the promoted ones, by a key that JSON writes so only
-- as a key, and those that are open.
CREATE INDEX entries_about ON entries (
  coalesce(json_extract(leaf, '$.rollout'), json_extract(leaf, '$.system')), json_extract(leaf, '$.type')
);
CREATE INDEX entries_about_newest ON entries (
  coalesce(json_extract(leaf, '$.rollout'), json_extract(leaf, '$.system')), position
);
DROP INDEX rollouts_newest;
DROP INDEX rollouts_of_system;
CREATE INDEX rollouts_in_order ON rollouts (system, sequence);
CREATE INDEX rollouts_promoted ON rollouts (system, sequence) WHERE instr(body, '"promotedAt":') > 0;
CREATE INDEX rollouts_open ON rollouts (sequence) WHERE json_extract(body, '$.endedAt') IS NULL;
