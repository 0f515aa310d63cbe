-- What stable did hour by hour: the reference of the same hour in a later week.
CREATE TABLE seasons (
  system TEXT NOT NULL,
  hour REAL NOT NULL,
  signal TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (system, hour, signal)
) STRICT, WITHOUT ROWID;
