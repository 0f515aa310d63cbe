import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Three versions of a small lending schema: names are split in 2, and the contract of 3 drops the old column. */
const sqlite: Readonly<Record<string, string>> = {
  "1.expand.sql": "CREATE TABLE applicants (id INTEGER PRIMARY KEY, name TEXT NOT NULL, amount INTEGER NOT NULL);",
  "1.views.sql": `CREATE VIEW loans AS SELECT id, name, amount FROM applicants;
    CREATE TRIGGER loans_add INSTEAD OF INSERT ON loans BEGIN
      INSERT INTO applicants (name, amount) VALUES (NEW.name, NEW.amount);
    END;`,
  "2.expand.sql": `ALTER TABLE applicants ADD COLUMN surname TEXT;
    UPDATE applicants SET surname = substr(name, instr(name, ' ') + 1);
    CREATE TRIGGER applicants_step AFTER INSERT ON applicants WHEN NEW.surname IS NULL BEGIN
      UPDATE applicants SET surname = substr(NEW.name, instr(NEW.name, ' ') + 1) WHERE id = NEW.id;
    END;`,
  "2.views.sql": `CREATE VIEW loans AS SELECT id, name, surname, amount FROM applicants;
    CREATE VIEW large_loans AS SELECT id, amount FROM loans WHERE amount > 1000;
    CREATE TRIGGER loans_add INSTEAD OF INSERT ON loans BEGIN
      INSERT INTO applicants (name, surname, amount) VALUES (NEW.name, NEW.surname, NEW.amount);
    END;`,
  "2.lost.sql": "SELECT count(*) FROM applicants WHERE name = ''",
  "3.expand.sql": "ALTER TABLE applicants ADD COLUMN full_name TEXT GENERATED ALWAYS AS (surname || '') VIRTUAL;",
  "3.views.sql": "CREATE VIEW loans AS SELECT id, surname, amount FROM applicants;",
  "3.contract.sql": "ALTER TABLE applicants ADD COLUMN contracted INTEGER DEFAULT 1;",
};

const postgres: Readonly<Record<string, string>> = {
  "1.expand.sql": `CREATE TABLE applicants (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, amount integer NOT NULL);`,
  "1.views.sql": "CREATE VIEW loans AS SELECT id, name, amount FROM applicants;",
  "2.expand.sql": `ALTER TABLE applicants ADD COLUMN surname text;
    UPDATE applicants SET surname = split_part(name, ' ', 2);
    CREATE FUNCTION applicants_step() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN NEW.surname := coalesce(NEW.surname, split_part(NEW.name, ' ', 2)); RETURN NEW; END $$;
    CREATE TRIGGER applicants_step BEFORE INSERT ON applicants FOR EACH ROW EXECUTE FUNCTION applicants_step();`,
  "2.views.sql": `CREATE VIEW loans AS SELECT id, name, surname, amount FROM applicants;
    CREATE VIEW large_loans AS SELECT id, amount FROM loans WHERE amount > 1000;`,
  "2.lost.sql": "SELECT count(*) FROM applicants WHERE name = ''",
  "3.expand.sql": "CREATE INDEX applicants_surname ON applicants (surname);",
  "3.views.sql": "CREATE VIEW loans AS SELECT id, surname, amount FROM applicants;",
  "3.contract.sql": "ALTER TABLE applicants DROP COLUMN name CASCADE;",
};

const files = { sqlite, postgres };

/** A new folder with the files; `more` adds some, or replaces them. */
export function lendingVersions(engine: keyof typeof files, more: Readonly<Record<string, string>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-schema-"));
  for (const [name, sql] of Object.entries({ ...files[engine], ...more })) writeFileSync(join(folder, name), sql);
  return folder;
}
