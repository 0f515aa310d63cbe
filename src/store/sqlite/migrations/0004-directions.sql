-- A step has one record in each direction: its own way, and back to what served before it.
CREATE TABLE directed_steps (
  sequence INTEGER PRIMARY KEY,
  saga TEXT NOT NULL,
  step TEXT NOT NULL,
  direction TEXT NOT NULL DEFAULT 'forward',
  body TEXT NOT NULL,
  UNIQUE (saga, step, direction)
) STRICT;
INSERT INTO directed_steps (sequence, saga, step, body) SELECT sequence, saga, step, body FROM steps;
DROP TABLE steps;
ALTER TABLE directed_steps RENAME TO steps;
