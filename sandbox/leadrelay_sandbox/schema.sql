-- The store. A profile is JSON, property name -> idx of the event that its value comes from: the value stands there,
-- in `enriched` if the name is in it, else in `params`.

CREATE TABLE events (               -- every accepted request, duplicates among them
    idx INTEGER PRIMARY KEY,        -- from 0, in order of arrival
    eid TEXT NOT NULL,
    si TEXT NOT NULL,
    uid TEXT NOT NULL,
    sid TEXT NOT NULL,
    at_ms INTEGER NOT NULL,         -- the event's time; of arrival unless t_ms is honoured
    method TEXT NOT NULL,
    charset TEXT NOT NULL,
    duplicate INTEGER NOT NULL,
    proxy INTEGER NOT NULL,
    counted INTEGER NOT NULL,
    registered INTEGER NOT NULL,
    warnings TEXT NOT NULL,         -- JSON list
    params TEXT NOT NULL,           -- JSON object, as received
    enriched TEXT NOT NULL          -- JSON object, as detected
);
CREATE INDEX events_eid ON events (eid, si);
CREATE INDEX events_uid ON events (uid, si);

CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    si TEXT NOT NULL,
    uid TEXT NOT NULL,
    first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    events INTEGER NOT NULL,        -- counted ones
    sessions INTEGER NOT NULL,
    email TEXT NOT NULL,            -- of the profile, trimmed and lower case; "" without one
    user_id TEXT NOT NULL,
    name TEXT NOT NULL,
    profile TEXT NOT NULL,
    UNIQUE (uid, si)
);
CREATE INDEX users_email ON users (email, si) WHERE email <> '';
CREATE INDEX users_user_id ON users (user_id, si) WHERE user_id <> '';
CREATE INDEX users_last ON users (last_ms);

CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    si TEXT NOT NULL,
    sid TEXT NOT NULL,
    uid TEXT NOT NULL,              -- of its latest event
    start_ms INTEGER NOT NULL,
    end_ms INTEGER,                 -- none while only events under proxy have come
    events INTEGER NOT NULL,
    profile TEXT NOT NULL,
    UNIQUE (sid, si)
);
CREATE INDEX sessions_uid ON sessions (uid, si);

CREATE TABLE titles (
    ti TEXT NOT NULL,
    si TEXT NOT NULL,
    total INTEGER NOT NULL,
    uniques INTEGER NOT NULL,
    PRIMARY KEY (ti, si)
) WITHOUT ROWID;

CREATE TABLE seen (                 -- who has seen a title: `user:` or `session:` and the id
    who TEXT NOT NULL,
    ti TEXT NOT NULL,
    si TEXT NOT NULL,
    PRIMARY KEY (who, ti, si)
) WITHOUT ROWID;

CREATE TABLE bad (                  -- the latest requests that were refused or lost
    idx INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    method TEXT NOT NULL,
    status INTEGER NOT NULL,
    reason TEXT NOT NULL,
    line TEXT NOT NULL
);

CREATE TABLE totals (              -- one row
    requests INTEGER NOT NULL,      -- to the Track API, whatever became of them
    accepted INTEGER NOT NULL,
    unique_eids INTEGER NOT NULL,
    duplicates INTEGER NOT NULL,
    bad INTEGER NOT NULL,
    discarded INTEGER NOT NULL,     -- bad ones that were answered with 200
    faults INTEGER NOT NULL,        -- answered, delayed or cut by a rule
    events INTEGER NOT NULL,        -- these three as LeadBoxer's counters would move
    sessions INTEGER NOT NULL,
    uniques INTEGER NOT NULL
);
INSERT INTO totals VALUES (0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
