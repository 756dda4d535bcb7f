-- The event log: append-only, hash-chained, written by whoever holds the lease, one log per log_id.
-- Schema log belongs to the owner; the role orderwright_app may read it and call its functions, nothing else.
-- Schema app belongs to orderwright_app: read models and other ordinary tables.

GRANT USAGE ON SCHEMA log TO orderwright_app;
CREATE SCHEMA app AUTHORIZATION orderwright_app;

CREATE TABLE log.writer_lease (
    log_id integer PRIMARY KEY,
    epoch bigint NOT NULL,
    owner text NOT NULL,
    backend_pid integer,
    backend_start timestamptz,
    renewed_at timestamptz NOT NULL
);

CREATE TABLE log.log_batch (
    log_id integer NOT NULL,
    batch_no bigint NOT NULL CHECK (batch_no > 0),
    epoch bigint NOT NULL,
    first_position bigint NOT NULL CHECK (first_position > 0),
    event_count integer NOT NULL CHECK (event_count > 0),
    root bytea NOT NULL,
    chain bytea NOT NULL,
    committed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (log_id, batch_no)
);

-- Every append updates a row here: room on the page keeps those updates off the indexes.
CREATE TABLE log.stream (
    log_id integer NOT NULL,
    stream_id bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    attention boolean NOT NULL,
    PRIMARY KEY (log_id, stream_id),
    UNIQUE (log_id, name)
) WITH (fillfactor = 50);

CREATE INDEX stream_attention ON log.stream (log_id, name) WHERE attention;

-- payload is json and not jsonb: the exact text is what is hashed. recorded_at: microseconds since 1970, UTC.
CREATE TABLE log.event (
    log_id integer NOT NULL,
    position bigint NOT NULL,
    stream_id bigint NOT NULL,
    version bigint NOT NULL,
    event_id uuid NOT NULL,
    type text COLLATE "C" NOT NULL,
    schema_version integer NOT NULL,
    recorded_at bigint NOT NULL,
    causation uuid NOT NULL,
    correlation uuid NOT NULL,
    payload json NOT NULL,
    PRIMARY KEY (log_id, position)
) PARTITION BY RANGE (position);

CREATE INDEX event_correlation ON log.event (log_id, correlation);

CREATE TABLE log.snapshot (
    log_id integer NOT NULL,
    stream_id bigint NOT NULL,
    version bigint NOT NULL,
    position bigint NOT NULL,
    schema_version integer NOT NULL,
    state bytea NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (log_id, stream_id, version)
);

-- Append-only. ENABLE ALWAYS: session_replication_role = replica must not bypass it.

CREATE FUNCTION log.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'the log is append-only: % of %.% is refused', tg_op, tg_table_schema, tg_table_name
        USING ERRCODE = 'OW004';
END
$$;

CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON log.event
    FOR EACH ROW EXECUTE FUNCTION log.refuse_change();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON log.event
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
ALTER TABLE log.event ENABLE ALWAYS TRIGGER refuse_change;
ALTER TABLE log.event ENABLE ALWAYS TRIGGER refuse_truncate;

CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON log.log_batch
    FOR EACH ROW EXECUTE FUNCTION log.refuse_change();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON log.log_batch
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
ALTER TABLE log.log_batch ENABLE ALWAYS TRIGGER refuse_change;
ALTER TABLE log.log_batch ENABLE ALWAYS TRIGGER refuse_truncate;

-- A stream's version and mark move on; its id and its name are in the hashes.
CREATE TRIGGER refuse_change BEFORE DELETE OR UPDATE OF log_id, stream_id, name ON log.stream
    FOR EACH ROW EXECUTE FUNCTION log.refuse_change();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON log.stream
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
ALTER TABLE log.stream ENABLE ALWAYS TRIGGER refuse_change;
ALTER TABLE log.stream ENABLE ALWAYS TRIGGER refuse_truncate;

-- The one place that makes a partition: number n holds the positions from n * 2^24 up to the next.
-- A TRUNCATE trigger is not inherited, nor can a unique key without the position be.
CREATE FUNCTION log.make_partition(p_number integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    partition text := 'event_' || to_char(p_number, 'FM00000');
    width constant bigint := 16777216;
BEGIN
    EXECUTE format('CREATE TABLE log.%I PARTITION OF log.event FOR VALUES FROM (%s) TO (%s)',
        partition, p_number * width, (p_number + 1) * width);
    EXECUTE format('ALTER TABLE log.%I ADD CONSTRAINT %I UNIQUE (log_id, stream_id, version)',
        partition, partition || '_stream_version_key');
    EXECUTE format('CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON log.%I '
        'FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change()', partition);
    EXECUTE format('ALTER TABLE log.%I ENABLE ALWAYS TRIGGER refuse_truncate', partition);
    EXECUTE format('ALTER TABLE log.%I ENABLE ALWAYS TRIGGER refuse_change', partition);
END
$$;

SELECT log.make_partition(0);

-- The lease. Three layers keep a second writer out: a session lock on the appending connection, the epoch in
-- append_batch, and the primary key on batch_no. Time is the database's clock.

CREATE FUNCTION log.lock_log(p_log_id integer) RETURNS boolean
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
    SELECT pg_try_advisory_lock(20311, p_log_id)
$$;

CREATE FUNCTION log.session_start() RETURNS timestamptz
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()
$$;

CREATE FUNCTION log.end_session(p_log_id integer, p_epoch bigint) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
    SELECT pg_terminate_backend(a.pid, 5000)
    FROM log.writer_lease l
    JOIN pg_stat_activity a ON a.pid = l.backend_pid AND a.backend_start = l.backend_start
    WHERE l.log_id = p_log_id AND l.epoch = p_epoch AND a.pid <> pg_backend_pid()
$$;

-- The new epoch, or null while another session holds the lock.
CREATE FUNCTION log.take_lease(p_log_id integer, p_owner text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    taken bigint;
BEGIN
    IF NOT log.lock_log(p_log_id) THEN
        RETURN NULL;
    END IF;
    INSERT INTO log.writer_lease AS l (log_id, epoch, owner, backend_pid, backend_start, renewed_at)
    VALUES (p_log_id, 1, p_owner, pg_backend_pid(), log.session_start(), clock_timestamp())
    ON CONFLICT (log_id) DO UPDATE SET
        epoch = l.epoch + 1,
        owner = excluded.owner,
        backend_pid = excluded.backend_pid,
        backend_start = excluded.backend_start,
        renewed_at = excluded.renewed_at
    RETURNING l.epoch INTO taken;
    RETURN taken;
END
$$;

CREATE FUNCTION log.renew_lease(p_log_id integer, p_epoch bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE log.writer_lease SET renewed_at = clock_timestamp() WHERE log_id = p_log_id AND epoch = p_epoch;
    RETURN FOUND;
END
$$;

-- After a lost connection: end what is left of the old session, so that nothing it sent can still be committed,
-- and hold the log again. 'resumed', 'held' (try again) or 'fenced'.
CREATE FUNCTION log.resume_lease(p_log_id integer, p_epoch bigint) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM log.end_session(p_log_id, p_epoch);
    IF NOT log.lock_log(p_log_id) THEN
        RETURN CASE WHEN EXISTS (SELECT FROM log.writer_lease WHERE log_id = p_log_id AND epoch = p_epoch)
            THEN 'held' ELSE 'fenced' END;
    END IF;
    UPDATE log.writer_lease
    SET backend_pid = pg_backend_pid(), backend_start = log.session_start(), renewed_at = clock_timestamp()
    WHERE log_id = p_log_id AND epoch = p_epoch;
    RETURN CASE WHEN FOUND THEN 'resumed' ELSE 'fenced' END;
END
$$;

-- Take the log from a holder that has not renewed for p_ttl_seconds: bump the epoch, end its session (a stopped
-- process would keep its lock otherwise). False if it has renewed meanwhile.
CREATE FUNCTION log.depose(p_log_id integer, p_epoch bigint, p_ttl_seconds double precision) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE log.writer_lease SET epoch = epoch + 1
    WHERE log_id = p_log_id AND epoch = p_epoch
        AND renewed_at < clock_timestamp() - make_interval(secs => p_ttl_seconds);
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM log.end_session(p_log_id, p_epoch + 1);
    RETURN true;
END
$$;

CREATE FUNCTION log.release_lease(p_log_id integer, p_epoch bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE log.writer_lease SET backend_pid = NULL, backend_start = NULL, renewed_at = '-infinity'
    WHERE log_id = p_log_id AND epoch = p_epoch;
    PERFORM pg_advisory_unlock_all();
END
$$;

-- One batch, one round trip, all or nothing. Errors: OW001 the epoch is over; OW003 the batch does not follow the last
-- one; OW005 a stream's version or id is not what the writer believed; a violation of log_batch_pkey: this batch number
-- has been written.
-- p_attention: 1 sets the mark, 0 clears it, -1 leaves it. p_expected: 0 for a new stream.
-- The planner settings keep a plan made for a small log from being used on a large one.
CREATE FUNCTION log.append_batch(
    p_log_id integer, p_epoch bigint, p_batch_no bigint, p_first_position bigint, p_root bytea, p_chain bytea,
    p_recorded_at bigint,
    p_stream_ids bigint[], p_names text[], p_expected bigint[], p_versions bigint[], p_attention bigint[],
    e_stream_ids bigint[], e_versions bigint[], e_event_ids uuid[], e_types text[], e_schema_versions bigint[],
    e_causations uuid[], e_correlations uuid[], e_payloads text[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    moved integer;
    made integer;
BEGIN
    PERFORM FROM log.writer_lease l WHERE l.log_id = p_log_id AND l.epoch = p_epoch FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'epoch % of log % is over', p_epoch, p_log_id USING ERRCODE = 'OW001';
    END IF;

    INSERT INTO log.log_batch (log_id, batch_no, epoch, first_position, event_count, root, chain)
    VALUES (p_log_id, p_batch_no, p_epoch, p_first_position, cardinality(e_stream_ids), p_root, p_chain);
    PERFORM FROM log.log_batch b
    WHERE b.log_id = p_log_id AND b.batch_no = p_batch_no - 1
        AND b.first_position + b.event_count = p_first_position;
    IF NOT FOUND AND (p_batch_no, p_first_position) <> (1, 1) THEN
        RAISE EXCEPTION 'batch % of log % at position % does not follow the last one',
            p_batch_no, p_log_id, p_first_position USING ERRCODE = 'OW003';
    END IF;

    UPDATE log.stream s
    SET version = w.version, attention = CASE w.attention WHEN -1 THEN s.attention ELSE w.attention = 1 END
    FROM unnest(p_stream_ids, p_expected, p_versions, p_attention) AS w (stream_id, expected, version, attention)
    WHERE w.expected > 0 AND s.log_id = p_log_id AND s.stream_id = w.stream_id AND s.version = w.expected;
    GET DIAGNOSTICS moved = ROW_COUNT;
    INSERT INTO log.stream (log_id, stream_id, name, version, attention)
    SELECT p_log_id, w.stream_id, w.name, w.version, w.attention = 1
    FROM unnest(p_stream_ids, p_names, p_expected, p_versions, p_attention)
        AS w (stream_id, name, expected, version, attention)
    WHERE w.expected = 0
    ORDER BY w.stream_id
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS made = ROW_COUNT;
    IF moved + made <> cardinality(p_stream_ids) THEN
        RAISE EXCEPTION 'the streams of log % are not as the writer believes', p_log_id USING ERRCODE = 'OW005';
    END IF;

    INSERT INTO log.event (log_id, position, stream_id, version, event_id, type, schema_version, recorded_at,
        causation, correlation, payload)
    SELECT p_log_id, p_first_position + e.ordinal - 1, e.stream_id, e.version, e.event_id, e.type,
        e.schema_version::integer, p_recorded_at, e.causation, e.correlation, e.payload::json
    FROM unnest(e_stream_ids, e_versions, e_event_ids, e_types, e_schema_versions, e_causations, e_correlations,
        e_payloads) WITH ORDINALITY
        AS e (stream_id, version, event_id, type, schema_version, causation, correlation, payload, ordinal);
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA log FROM PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA log TO orderwright_app;
GRANT EXECUTE ON FUNCTION log.take_lease, log.renew_lease, log.resume_lease, log.depose, log.release_lease,
    log.append_batch TO orderwright_app;
