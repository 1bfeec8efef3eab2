-- The store as bitd made it at first, frozen: what is brought to the schema of today. See src/daemon/store.c.
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE job(id INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT UNIQUE, name TEXT NOT NULL, out TEXT NOT NULL, spec TEXT NOT NULL, file TEXT NOT NULL, ranks_least INTEGER NOT NULL CHECK(ranks_least > 0), ranks_most INTEGER NOT NULL CHECK(ranks_most >= ranks_least), threads INTEGER NOT NULL CHECK(threads > 0), parts INTEGER NOT NULL, priority INTEGER NOT NULL, engine INTEGER NOT NULL, state TEXT NOT NULL CHECK(state IN ('waiting','queued','starting','running','stopping','backoff','held','done','failed','cancelled')), cause TEXT NOT NULL, why TEXT NOT NULL, wish TEXT NOT NULL, due REAL NOT NULL, has_needs INTEGER NOT NULL, starts_without_progress INTEGER NOT NULL, budget INTEGER NOT NULL, submitted REAL NOT NULL, changed REAL NOT NULL, parent INTEGER, idx INTEGER, version TEXT NOT NULL) STRICT;
CREATE UNIQUE INDEX job_out ON job(out) WHERE state NOT IN ('done','failed','cancelled');
CREATE INDEX job_state ON job(state, id);
CREATE INDEX job_parent ON job(parent, idx) WHERE parent IS NOT NULL;
CREATE TRIGGER job_end BEFORE UPDATE OF state ON job WHEN old.state IN ('done','failed','cancelled') AND new.state <> old.state BEGIN SELECT RAISE(ABORT, 'a job does not leave its end'); END;
CREATE TABLE need(job INTEGER NOT NULL REFERENCES job(id), on_job INTEGER NOT NULL REFERENCES job(id), kind TEXT NOT NULL CHECK(kind IN ('ok','any')), PRIMARY KEY(job, on_job)) STRICT, WITHOUT ROWID;
CREATE INDEX need_on ON need(on_job);
CREATE TABLE attempt(job INTEGER NOT NULL REFERENCES job(id), n INTEGER NOT NULL, engine INTEGER NOT NULL, hosts TEXT NOT NULL, cores TEXT NOT NULL, ranks INTEGER NOT NULL, pid INTEGER NOT NULL, start_ticks INTEGER NOT NULL, boot TEXT NOT NULL, slurm_id INTEGER, begun REAL NOT NULL, ended REAL NOT NULL, code INTEGER, step_before INTEGER, step_after INTEGER, why TEXT NOT NULL, mark TEXT NOT NULL, PRIMARY KEY(job, n)) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX attempt_live ON attempt(job) WHERE ended = 0;
CREATE TABLE event(id INTEGER PRIMARY KEY AUTOINCREMENT, job INTEGER NOT NULL, time REAL NOT NULL, name TEXT NOT NULL, context TEXT NOT NULL) STRICT;
CREATE INDEX event_job ON event(job, id);
CREATE TABLE host(name TEXT PRIMARY KEY, state TEXT NOT NULL, since REAL NOT NULL) STRICT;
