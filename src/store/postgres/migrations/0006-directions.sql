-- A step has one record in each direction: its own way, and back to what served before it.
ALTER TABLE steps ADD COLUMN direction text COLLATE "C" NOT NULL DEFAULT 'forward';
ALTER TABLE steps ADD CONSTRAINT steps_once UNIQUE (saga, step, direction);
ALTER TABLE steps DROP CONSTRAINT steps_saga_step_key;
