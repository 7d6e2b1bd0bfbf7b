-- Version 1: what hmipd keeps over a restart.
--
-- Addresses are BLOBs of 16 octets, which the keys are made of; the *_text columns carry the same
-- addresses as RFC 5952 writes them, because SQL cannot. Moments are milliseconds since 1970, UTC;
-- expires_ms is NULL for what never expires. Names of roles, uses and states are text, so that no
-- number of the program's own gets into the file. Scripts read the views: tables may change.

CREATE TABLE binding (
	id            INTEGER PRIMARY KEY,
	role          TEXT    NOT NULL CHECK (role IN ('ms', 'ha', 'ch')),
	home          BLOB    NOT NULL CHECK (length(home) = 16),
	gcoa          BLOB             CHECK (length(gcoa) = 16),
	coa           BLOB    NOT NULL CHECK (length(coa) = 16),
	state         TEXT    NOT NULL CHECK (state IN ('active', 'forwarding')),
	sequence      INTEGER NOT NULL CHECK (sequence BETWEEN 0 AND 65535),
	epoch         INTEGER NOT NULL CHECK (epoch BETWEEN 0 AND 4294967295),
	spi           INTEGER NOT NULL CHECK (spi BETWEEN 0 AND 4294967295),
	lifetime_s    INTEGER NOT NULL CHECK (lifetime_s BETWEEN 0 AND 4294967295),
	flags         INTEGER NOT NULL CHECK (flags BETWEEN 0 AND 4294967295),
	registered_ms INTEGER NOT NULL CHECK (registered_ms BETWEEN 0 AND 253402300799999),
	expires_ms    INTEGER          CHECK (expires_ms BETWEEN 0 AND 253402300799999),
	home_text     TEXT    NOT NULL,
	gcoa_text     TEXT,
	coa_text      TEXT    NOT NULL,
	UNIQUE (role, home)
) STRICT;

-- Numbers outlive the bindings they came with. An address of :: means nobody in particular.
CREATE TABLE sequence_number (
	id         INTEGER PRIMARY KEY,
	use        TEXT    NOT NULL
	           CHECK (use IN ('none', 'mh-ms', 'mh-ha', 'mh-ch', 'ms-ms', 'ms-ra')),
	peer       BLOB    NOT NULL CHECK (length(peer) = 16),
	home       BLOB    NOT NULL CHECK (length(home) = 16),
	sequence   INTEGER NOT NULL CHECK (sequence BETWEEN 0 AND 65535),
	epoch      INTEGER NOT NULL CHECK (epoch BETWEEN 0 AND 4294967295),
	spi        INTEGER NOT NULL CHECK (spi BETWEEN 0 AND 4294967295),
	updated_ms INTEGER NOT NULL CHECK (updated_ms BETWEEN 0 AND 253402300799999),
	peer_text  TEXT,
	home_text  TEXT,
	UNIQUE (use, peer, home)
) STRICT;

CREATE TABLE registration (
	id         INTEGER PRIMARY KEY,
	kind       TEXT    NOT NULL CHECK (kind IN ('ms', 'ha', 'ch')),
	peer       BLOB    NOT NULL CHECK (length(peer) = 16),
	home       BLOB    NOT NULL CHECK (length(home) = 16),
	coa        BLOB    NOT NULL CHECK (length(coa) = 16),
	sequence   INTEGER NOT NULL CHECK (sequence BETWEEN 0 AND 65535),
	epoch      INTEGER NOT NULL CHECK (epoch BETWEEN 0 AND 4294967295),
	state      TEXT    NOT NULL CHECK (state IN ('pending', 'active', 'refused')),
	expires_ms INTEGER          CHECK (expires_ms BETWEEN 0 AND 253402300799999),
	peer_text  TEXT    NOT NULL,
	home_text  TEXT    NOT NULL,
	coa_text   TEXT    NOT NULL,
	UNIQUE (kind, peer, home)
) STRICT;

-- Keys learnt from elsewhere, with their secret, and those of the configuration, without.
CREATE TABLE auth_key (
	id           INTEGER PRIMARY KEY,
	spi          INTEGER NOT NULL CHECK (spi BETWEEN 0 AND 4294967295),
	use          TEXT    NOT NULL
	             CHECK (use IN ('none', 'mh-ms', 'mh-ha', 'mh-ch', 'ms-ms', 'ms-ra')),
	peer         BLOB             CHECK (length(peer) = 16),
	peer_length  INTEGER          CHECK (peer_length BETWEEN 0 AND 128),
	home         BLOB             CHECK (length(home) = 16),
	algorithm    TEXT    NOT NULL,
	not_before_s INTEGER          CHECK (not_before_s > 0),
	not_after_s  INTEGER          CHECK (not_after_s > 0),
	origin       TEXT    NOT NULL,
	secret       BLOB,
	peer_text    TEXT,
	home_text    TEXT,
	CHECK ((peer IS NULL) = (peer_length IS NULL)),
	CHECK (origin <> 'config' OR secret IS NULL)
) STRICT;

CREATE VIEW v_bindings AS
SELECT role,
       home_text AS home_address,
       gcoa_text AS gcoa,
       coa_text  AS lcoa,
       state,
       sequence,
       epoch,
       lifetime_s,
       strftime('%Y-%m-%dT%H:%M:%SZ', registered_ms / 1000, 'unixepoch') AS registered_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', expires_ms / 1000, 'unixepoch')    AS expires_at,
       max(0, expires_ms - CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)) / 1000
                                                                         AS expires_in_s
FROM binding;

CREATE VIEW v_sequences AS
SELECT use,
       peer_text AS peer,
       home_text AS home_address,
       spi,
       sequence,
       epoch,
       strftime('%Y-%m-%dT%H:%M:%SZ', updated_ms / 1000, 'unixepoch') AS updated_at
FROM sequence_number;

CREATE VIEW v_registrations AS
SELECT peer_text AS peer,
       kind,
       home_text AS home_address,
       coa_text  AS care_of_address,
       sequence,
       state,
       strftime('%Y-%m-%dT%H:%M:%SZ', expires_ms / 1000, 'unixepoch') AS expires_at
FROM registration;

CREATE VIEW v_keys AS
SELECT spi,
       use,
       peer_text AS peer,
       home_text AS home_address,
       algorithm,
       strftime('%Y-%m-%dT%H:%M:%SZ', not_before_s, 'unixepoch') AS not_before,
       strftime('%Y-%m-%dT%H:%M:%SZ', not_after_s, 'unixepoch')  AS not_after,
       origin
FROM auth_key;
