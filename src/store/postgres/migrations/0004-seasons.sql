-- What stable did hour by hour: the reference of the same hour in a later week.
CREATE TABLE seasons (
  system text COLLATE "C" NOT NULL,
  hour double precision NOT NULL CHECK (hour <> 'NaN'),
  signal text COLLATE "C" NOT NULL,
  body text NOT NULL,
  PRIMARY KEY (system, hour, signal)
);
