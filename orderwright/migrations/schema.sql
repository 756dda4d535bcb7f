--
-- PostgreSQL database dump
--



SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: app; Type: SCHEMA; Schema: -; Owner: orderwright_app
--

CREATE SCHEMA app;


ALTER SCHEMA app OWNER TO orderwright_app;

--
-- Name: log; Type: SCHEMA; Schema: -; Owner: orderwright
--

CREATE SCHEMA log;


ALTER SCHEMA log OWNER TO orderwright;

--
-- Name: append_batch(integer, bigint, bigint, bigint, bytea, bytea, bigint, bigint[], text[], bigint[], bigint[], bigint[], bigint[], bigint[], uuid[], text[], bigint[], uuid[], uuid[], text[]); Type: FUNCTION; Schema: log; Owner: orderwright
--

CREATE FUNCTION log.append_batch(p_log_id integer, p_epoch bigint, p_batch_no bigint, p_first_position bigint, p_root bytea, p_chain bytea, p_recorded_at bigint, p_stream_ids bigint[], p_names text[], p_expected bigint[], p_versions bigint[], p_attention bigint[], e_stream_ids bigint[], e_versions bigint[], e_event_ids uuid[], e_types text[], e_schema_versions bigint[], e_causations uuid[], e_correlations uuid[], e_payloads text[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
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


ALTER FUNCTION log.append_batch(p_log_id integer, p_epoch bigint, p_batch_no bigint, p_first_position bigint, p_root bytea, p_chain bytea, p_recorded_at bigint, p_stream_ids bigint[], p_names text[], p_expected bigint[], p_versions bigint[], p_attention bigint[], e_stream_ids bigint[], e_versions bigint[], e_event_ids uuid[], e_types text[], e_schema_versions bigint[], e_causations uuid[], e_correlations uuid[], e_payloads text[]) OWNER TO orderwright;

--
-- Name: depose(integer, bigint, double precision); Type: FUNCTION; Schema: log; Owner: orderwright
--

CREATE FUNCTION log.depose(p_log_id integer, p_epoch bigint, p_ttl_seconds double precision) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    UPDATE log.writer_lease SET epoch = epoch + 1
    WHERE log_id = p_log_id AND epoch = p_epoch
        AND renewed_at < clock_timestamp() - make_interval(secs => greatest(p_ttl_seconds, ttl_seconds));
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM log.end_session(p_log_id, p_epoch + 1);
    RETURN true;
END
$$;


ALTER FUNCTION log.depose(p_log_id integer, p_epoch bigint, p_ttl_seconds double precision) OWNER TO orderwright;

--
-- Name: end_session(integer, bigint); Type: FUNCTION; Schema: log; Owner: orderwright
--

CREATE FUNCTION log.end_session(p_log_id integer, p_epoch bigint) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT pg_terminate_backend(a.pid, 5000)
    FROM log.writer_lease l
    JOIN pg_stat_activity a ON a.pid = l.backend_pid AND a.backend_start = l.backend_start
    WHERE l.log_id = p_log_id AND l.epoch = p_epoch AND a.pid <> pg_backend_pid()
$$;


ALTER FUNCTION log.end_session(p_log_id integer, p_epoch bigint) OWNER TO orderwright;

--
-- Name: ensure_partitions(integer); Type: FUNCTION; Schema: log; Owner: orderwright
--

CREATE FUNCTION log.ensure_partitions(p_ahead integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '5s'
    AS $$
DECLARE
    current bigint;
    made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(20312, 0);
    SELECT coalesce(max(h.head), 0) / log.partition_width() INTO current
    FROM log.writer_lease l
    CROSS JOIN LATERAL (
        SELECT b.first_position + b.event_count - 1 AS head FROM log.log_batch b
        WHERE b.log_id = l.log_id ORDER BY b.batch_no DESC LIMIT 1) h;
    FOR number IN current .. current + least(greatest(p_ahead, 1), 100) LOOP
        IF to_regclass(format('log.%I', log.partition_name(number))) IS NULL THEN
            PERFORM log.make_partition(number::integer);
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END
$$;


ALTER FUNCTION log.ensure_partitions(p_ahead integer) OWNER TO orderwright;

--
-- Name: lock_log(integer); Type: FUNCTION; Schema: log; Owner: orderwright
--

CREATE FUNCTION log.lock_log(p_log_id integer) RETURNS boolean
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT pg_try_advisory_lock(20311, p_log_id)
$$;


ALTER FUNCTION log.lock_log(p_log_id integer) OWNER TO orderwright;

--
-- Name: make_partition(integer); Type: FUNCTION; Schema: log; Owner: orderwright
--

CREATE FUNCTION log.make_partition(p_number integer) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    partition text := log.partition_name(p_number);
    width bigint := log.partition_width();
BEGIN
    EXECUTE format('CREATE TABLE log.%I (LIKE log.event INCLUDING CONSTRAINTS)', partition);
    EXECUTE format('ALTER TABLE log.%I ADD CONSTRAINT %I UNIQUE (log_id, stream_id, version)',
        partition, partition || '_stream_version_key');
    EXECUTE format('CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON log.%I '
        'FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change()', partition);
    EXECUTE format('ALTER TABLE log.%I ENABLE ALWAYS TRIGGER refuse_truncate', partition);
    EXECUTE format('ALTER TABLE log.event ATTACH PARTITION log.%I FOR VALUES FROM (%s) TO (%s)',
        partition, p_number * width, (p_number + 1) * width);
    EXECUTE format('ALTER TABLE log.%I ENABLE ALWAYS TRIGGER refuse_change', partition);
    EXECUTE format('GRANT SELECT ON log.%I TO orderwright_app', partition);
END
$$;


ALTER FUNCTION log.make_partition(p_number integer) OWNER TO orderwright;

--
-- Name: partition_name(bigint); Type: FUNCTION; Schema: log; Owner: orderwright
--

CREATE FUNCTION log.partition_name(p_number bigint) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT 'event_' || lpad(p_number::text, greatest(5, length(p_number::text)), '0')
$$;


ALTER FUNCTION log.partition_name(p_number bigint) OWNER TO orderwright;

--
-- Name: partition_width(); Type: FUNCTION; Schema: log; Owner: orderwright
--

CREATE FUNCTION log.partition_width() RETURNS bigint
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT 16777216::bigint
$$;


ALTER FUNCTION log.partition_width() OWNER TO orderwright;

--
-- Name: refuse_change(); Type: FUNCTION; Schema: log; Owner: orderwright
--

CREATE FUNCTION log.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RAISE EXCEPTION 'the log is append-only: % of %.% is refused', tg_op, tg_table_schema, tg_table_name
        USING ERRCODE = 'OW004';
END
$$;


ALTER FUNCTION log.refuse_change() OWNER TO orderwright;

--
-- Name: release_lease(integer, bigint); Type: FUNCTION; Schema: log; Owner: orderwright
--

CREATE FUNCTION log.release_lease(p_log_id integer, p_epoch bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    UPDATE log.writer_lease SET backend_pid = NULL, backend_start = NULL, renewed_at = '-infinity'
    WHERE log_id = p_log_id AND epoch = p_epoch;
    PERFORM pg_advisory_unlock_all();
END
$$;


ALTER FUNCTION log.release_lease(p_log_id integer, p_epoch bigint) OWNER TO orderwright;

--
-- Name: renew_lease(integer, bigint); Type: FUNCTION; Schema: log; Owner: orderwright
--

CREATE FUNCTION log.renew_lease(p_log_id integer, p_epoch bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    UPDATE log.writer_lease SET renewed_at = clock_timestamp() WHERE log_id = p_log_id AND epoch = p_epoch;
    RETURN FOUND;
END
$$;


ALTER FUNCTION log.renew_lease(p_log_id integer, p_epoch bigint) OWNER TO orderwright;

--
-- Name: resume_lease(integer, bigint); Type: FUNCTION; Schema: log; Owner: orderwright
--

CREATE FUNCTION log.resume_lease(p_log_id integer, p_epoch bigint) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
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


ALTER FUNCTION log.resume_lease(p_log_id integer, p_epoch bigint) OWNER TO orderwright;

--
-- Name: save_snapshot(integer, bigint, text, bigint, bigint, integer, bytea, bytea); Type: FUNCTION; Schema: log; Owner: orderwright
--

CREATE FUNCTION log.save_snapshot(p_log_id integer, p_epoch bigint, p_stream text, p_version bigint, p_position bigint, p_schema_version integer, p_state bytea, p_hash bytea) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    of_stream bigint;
BEGIN
    SELECT e.stream_id INTO of_stream
    FROM log.event e
    JOIN log.stream s ON s.log_id = e.log_id AND s.stream_id = e.stream_id
    WHERE e.log_id = p_log_id AND e.position = p_position AND e.version = p_version AND s.name = p_stream;
    IF NOT FOUND OR NOT EXISTS (SELECT FROM log.writer_lease WHERE log_id = p_log_id AND epoch = p_epoch) THEN
        RETURN false;
    END IF;
    INSERT INTO log.snapshot (log_id, stream_id, version, position, schema_version, state, hash)
    VALUES (p_log_id, of_stream, p_version, p_position, p_schema_version, p_state, p_hash)
    ON CONFLICT (log_id, stream_id, version) DO UPDATE SET
        position = excluded.position,
        schema_version = excluded.schema_version,
        state = excluded.state,
        hash = excluded.hash;
    DELETE FROM log.snapshot
    WHERE log_id = p_log_id AND stream_id = of_stream AND version < (
        SELECT version FROM log.snapshot WHERE log_id = p_log_id AND stream_id = of_stream
        ORDER BY version DESC OFFSET 1 LIMIT 1);
    RETURN true;
END
$$;


ALTER FUNCTION log.save_snapshot(p_log_id integer, p_epoch bigint, p_stream text, p_version bigint, p_position bigint, p_schema_version integer, p_state bytea, p_hash bytea) OWNER TO orderwright;

--
-- Name: session_start(); Type: FUNCTION; Schema: log; Owner: orderwright
--

CREATE FUNCTION log.session_start() RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()
$$;


ALTER FUNCTION log.session_start() OWNER TO orderwright;

--
-- Name: set_lease_ttl(integer, bigint, double precision); Type: FUNCTION; Schema: log; Owner: orderwright
--

CREATE FUNCTION log.set_lease_ttl(p_log_id integer, p_epoch bigint, p_ttl_seconds double precision) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    UPDATE log.writer_lease SET ttl_seconds = p_ttl_seconds WHERE log_id = p_log_id AND epoch = p_epoch;
    RETURN FOUND;
END
$$;


ALTER FUNCTION log.set_lease_ttl(p_log_id integer, p_epoch bigint, p_ttl_seconds double precision) OWNER TO orderwright;

--
-- Name: take_lease(integer, text); Type: FUNCTION; Schema: log; Owner: orderwright
--

CREATE FUNCTION log.take_lease(p_log_id integer, p_owner text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
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


ALTER FUNCTION log.take_lease(p_log_id integer, p_owner text) OWNER TO orderwright;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: balances; Type: TABLE; Schema: app; Owner: orderwright_app
--

CREATE TABLE app.balances (
    log_id integer NOT NULL,
    account text NOT NULL COLLATE pg_catalog."C",
    currency text NOT NULL COLLATE pg_catalog."C",
    total numeric NOT NULL,
    seen_at bigint NOT NULL
);


ALTER TABLE app.balances OWNER TO orderwright_app;

--
-- Name: orders; Type: TABLE; Schema: app; Owner: orderwright_app
--

CREATE TABLE app.orders (
    log_id integer NOT NULL,
    order_id text NOT NULL COLLATE pg_catalog."C",
    "position" bigint NOT NULL,
    as_of bigint NOT NULL,
    stream text NOT NULL COLLATE pg_catalog."C",
    strategy text NOT NULL COLLATE pg_catalog."C",
    account text NOT NULL COLLATE pg_catalog."C",
    signal_id uuid NOT NULL,
    leg integer NOT NULL,
    symbol text NOT NULL COLLATE pg_catalog."C",
    side text NOT NULL,
    order_type text NOT NULL,
    purpose text NOT NULL,
    status text NOT NULL,
    in_doubt boolean NOT NULL,
    amount numeric NOT NULL,
    filled numeric NOT NULL,
    price numeric,
    exchange_order_id text,
    ref text,
    code text,
    error text,
    requested_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    ended_at bigint,
    state text
)
WITH (fillfactor='70');


ALTER TABLE app.orders OWNER TO orderwright_app;

--
-- Name: positions; Type: TABLE; Schema: app; Owner: orderwright_app
--

CREATE TABLE app.positions (
    log_id integer NOT NULL,
    stream text NOT NULL COLLATE pg_catalog."C",
    symbol text NOT NULL COLLATE pg_catalog."C",
    as_of bigint NOT NULL,
    strategy text NOT NULL COLLATE pg_catalog."C",
    account text NOT NULL COLLATE pg_catalog."C",
    quantity numeric NOT NULL,
    average_price numeric NOT NULL,
    realised numeric NOT NULL,
    updated_at bigint NOT NULL,
    state text NOT NULL
)
WITH (fillfactor='70');


ALTER TABLE app.positions OWNER TO orderwright_app;

--
-- Name: projection; Type: TABLE; Schema: app; Owner: orderwright_app
--

CREATE TABLE app.projection (
    log_id integer NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    shape text NOT NULL,
    "position" bigint NOT NULL,
    moved_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT projection_position_check CHECK (("position" >= 0))
);


ALTER TABLE app.projection OWNER TO orderwright_app;

--
-- Name: signal_accounts; Type: TABLE; Schema: app; Owner: orderwright_app
--

CREATE TABLE app.signal_accounts (
    log_id integer NOT NULL,
    signal_id uuid NOT NULL,
    stream text NOT NULL COLLATE pg_catalog."C",
    as_of bigint NOT NULL,
    account text NOT NULL COLLATE pg_catalog."C",
    legs integer NOT NULL,
    refused integer NOT NULL,
    expired integer NOT NULL,
    routed_at bigint,
    first_request_at bigint,
    first_answer_at bigint,
    ended_at bigint
)
WITH (fillfactor='70');


ALTER TABLE app.signal_accounts OWNER TO orderwright_app;

--
-- Name: signals; Type: TABLE; Schema: app; Owner: orderwright_app
--

CREATE TABLE app.signals (
    log_id integer NOT NULL,
    signal_id uuid NOT NULL,
    "position" bigint NOT NULL,
    strategy text NOT NULL COLLATE pg_catalog."C",
    holder text NOT NULL,
    status text NOT NULL,
    symbols text[] NOT NULL,
    legs integer NOT NULL,
    accounts integer NOT NULL,
    routed integer NOT NULL,
    ended integer NOT NULL,
    expired integer NOT NULL,
    sent_at bigint,
    received_at bigint NOT NULL,
    stored_at bigint NOT NULL,
    finished_at bigint
)
WITH (fillfactor='70');


ALTER TABLE app.signals OWNER TO orderwright_app;

--
-- Name: trades; Type: TABLE; Schema: app; Owner: orderwright_app
--

CREATE TABLE app.trades (
    log_id integer NOT NULL,
    "position" bigint NOT NULL,
    stream text NOT NULL COLLATE pg_catalog."C",
    strategy text NOT NULL COLLATE pg_catalog."C",
    account text NOT NULL COLLATE pg_catalog."C",
    order_id text NOT NULL COLLATE pg_catalog."C",
    signal_id uuid NOT NULL,
    trade_id text NOT NULL,
    symbol text NOT NULL COLLATE pg_catalog."C",
    side text NOT NULL,
    amount numeric NOT NULL,
    price numeric NOT NULL,
    fee numeric NOT NULL,
    fee_currency text NOT NULL,
    traded_at bigint NOT NULL,
    booked_at bigint NOT NULL
);


ALTER TABLE app.trades OWNER TO orderwright_app;

--
-- Name: event; Type: TABLE; Schema: log; Owner: orderwright
--

CREATE TABLE log.event (
    log_id integer NOT NULL,
    "position" bigint NOT NULL,
    stream_id bigint NOT NULL,
    version bigint NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL COLLATE pg_catalog."C",
    schema_version integer NOT NULL,
    recorded_at bigint NOT NULL,
    causation uuid NOT NULL,
    correlation uuid NOT NULL,
    payload json NOT NULL
)
PARTITION BY RANGE ("position");


ALTER TABLE log.event OWNER TO orderwright;

--
-- Name: event_00000; Type: TABLE; Schema: log; Owner: orderwright
--

CREATE TABLE log.event_00000 (
    log_id integer CONSTRAINT event_log_id_not_null NOT NULL,
    "position" bigint CONSTRAINT event_position_not_null NOT NULL,
    stream_id bigint CONSTRAINT event_stream_id_not_null NOT NULL,
    version bigint CONSTRAINT event_version_not_null NOT NULL,
    event_id uuid CONSTRAINT event_event_id_not_null NOT NULL,
    type text CONSTRAINT event_type_not_null NOT NULL COLLATE pg_catalog."C",
    schema_version integer CONSTRAINT event_schema_version_not_null NOT NULL,
    recorded_at bigint CONSTRAINT event_recorded_at_not_null NOT NULL,
    causation uuid CONSTRAINT event_causation_not_null NOT NULL,
    correlation uuid CONSTRAINT event_correlation_not_null NOT NULL,
    payload json CONSTRAINT event_payload_not_null NOT NULL
);


ALTER TABLE log.event_00000 OWNER TO orderwright;

--
-- Name: log_batch; Type: TABLE; Schema: log; Owner: orderwright
--

CREATE TABLE log.log_batch (
    log_id integer NOT NULL,
    batch_no bigint NOT NULL,
    epoch bigint NOT NULL,
    first_position bigint NOT NULL,
    event_count integer NOT NULL,
    root bytea NOT NULL,
    chain bytea NOT NULL,
    committed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT log_batch_batch_no_check CHECK ((batch_no > 0)),
    CONSTRAINT log_batch_event_count_check CHECK ((event_count > 0)),
    CONSTRAINT log_batch_first_position_check CHECK ((first_position > 0))
);


ALTER TABLE log.log_batch OWNER TO orderwright;

--
-- Name: migration; Type: TABLE; Schema: log; Owner: orderwright
--

CREATE TABLE log.migration (
    number integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);


ALTER TABLE log.migration OWNER TO orderwright;

--
-- Name: snapshot; Type: TABLE; Schema: log; Owner: orderwright
--

CREATE TABLE log.snapshot (
    log_id integer NOT NULL,
    stream_id bigint NOT NULL,
    version bigint NOT NULL,
    "position" bigint NOT NULL,
    schema_version integer NOT NULL,
    state bytea NOT NULL,
    hash bytea NOT NULL
);


ALTER TABLE log.snapshot OWNER TO orderwright;

--
-- Name: stream; Type: TABLE; Schema: log; Owner: orderwright
--

CREATE TABLE log.stream (
    log_id integer NOT NULL,
    stream_id bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    version bigint NOT NULL,
    attention boolean NOT NULL
)
WITH (fillfactor='50');


ALTER TABLE log.stream OWNER TO orderwright;

--
-- Name: writer_lease; Type: TABLE; Schema: log; Owner: orderwright
--

CREATE TABLE log.writer_lease (
    log_id integer NOT NULL,
    epoch bigint NOT NULL,
    owner text NOT NULL,
    backend_pid integer,
    backend_start timestamp with time zone,
    renewed_at timestamp with time zone NOT NULL,
    ttl_seconds double precision
);


ALTER TABLE log.writer_lease OWNER TO orderwright;

--
-- Name: event_00000; Type: TABLE ATTACH; Schema: log; Owner: orderwright
--

ALTER TABLE ONLY log.event ATTACH PARTITION log.event_00000 FOR VALUES FROM ('0') TO ('16777216');


--
-- Name: balances balances_pkey; Type: CONSTRAINT; Schema: app; Owner: orderwright_app
--

ALTER TABLE ONLY app.balances
    ADD CONSTRAINT balances_pkey PRIMARY KEY (log_id, account, currency);


--
-- Name: orders orders_pkey; Type: CONSTRAINT; Schema: app; Owner: orderwright_app
--

ALTER TABLE ONLY app.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (log_id, order_id);


--
-- Name: positions positions_pkey; Type: CONSTRAINT; Schema: app; Owner: orderwright_app
--

ALTER TABLE ONLY app.positions
    ADD CONSTRAINT positions_pkey PRIMARY KEY (log_id, stream, symbol);


--
-- Name: projection projection_pkey; Type: CONSTRAINT; Schema: app; Owner: orderwright_app
--

ALTER TABLE ONLY app.projection
    ADD CONSTRAINT projection_pkey PRIMARY KEY (log_id, name);


--
-- Name: signal_accounts signal_accounts_pkey; Type: CONSTRAINT; Schema: app; Owner: orderwright_app
--

ALTER TABLE ONLY app.signal_accounts
    ADD CONSTRAINT signal_accounts_pkey PRIMARY KEY (log_id, signal_id, stream);


--
-- Name: signals signals_pkey; Type: CONSTRAINT; Schema: app; Owner: orderwright_app
--

ALTER TABLE ONLY app.signals
    ADD CONSTRAINT signals_pkey PRIMARY KEY (log_id, signal_id);


--
-- Name: trades trades_pkey; Type: CONSTRAINT; Schema: app; Owner: orderwright_app
--

ALTER TABLE ONLY app.trades
    ADD CONSTRAINT trades_pkey PRIMARY KEY (log_id, "position");


--
-- Name: event event_pkey; Type: CONSTRAINT; Schema: log; Owner: orderwright
--

ALTER TABLE ONLY log.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (log_id, "position");


--
-- Name: event_00000 event_00000_pkey; Type: CONSTRAINT; Schema: log; Owner: orderwright
--

ALTER TABLE ONLY log.event_00000
    ADD CONSTRAINT event_00000_pkey PRIMARY KEY (log_id, "position");


--
-- Name: event_00000 event_00000_stream_version_key; Type: CONSTRAINT; Schema: log; Owner: orderwright
--

ALTER TABLE ONLY log.event_00000
    ADD CONSTRAINT event_00000_stream_version_key UNIQUE (log_id, stream_id, version);


--
-- Name: log_batch log_batch_pkey; Type: CONSTRAINT; Schema: log; Owner: orderwright
--

ALTER TABLE ONLY log.log_batch
    ADD CONSTRAINT log_batch_pkey PRIMARY KEY (log_id, batch_no);


--
-- Name: migration migration_pkey; Type: CONSTRAINT; Schema: log; Owner: orderwright
--

ALTER TABLE ONLY log.migration
    ADD CONSTRAINT migration_pkey PRIMARY KEY (number);


--
-- Name: snapshot snapshot_pkey; Type: CONSTRAINT; Schema: log; Owner: orderwright
--

ALTER TABLE ONLY log.snapshot
    ADD CONSTRAINT snapshot_pkey PRIMARY KEY (log_id, stream_id, version);


--
-- Name: stream stream_log_id_name_key; Type: CONSTRAINT; Schema: log; Owner: orderwright
--

ALTER TABLE ONLY log.stream
    ADD CONSTRAINT stream_log_id_name_key UNIQUE (log_id, name);


--
-- Name: stream stream_pkey; Type: CONSTRAINT; Schema: log; Owner: orderwright
--

ALTER TABLE ONLY log.stream
    ADD CONSTRAINT stream_pkey PRIMARY KEY (log_id, stream_id);


--
-- Name: writer_lease writer_lease_pkey; Type: CONSTRAINT; Schema: log; Owner: orderwright
--

ALTER TABLE ONLY log.writer_lease
    ADD CONSTRAINT writer_lease_pkey PRIMARY KEY (log_id);


--
-- Name: orders_open; Type: INDEX; Schema: app; Owner: orderwright_app
--

CREATE INDEX orders_open ON app.orders USING btree (log_id, "position") WHERE (ended_at IS NULL);


--
-- Name: orders_owner; Type: INDEX; Schema: app; Owner: orderwright_app
--

CREATE INDEX orders_owner ON app.orders USING btree (log_id, strategy, account, "position");


--
-- Name: orders_position; Type: INDEX; Schema: app; Owner: orderwright_app
--

CREATE INDEX orders_position ON app.orders USING btree (log_id, "position");


--
-- Name: signals_position; Type: INDEX; Schema: app; Owner: orderwright_app
--

CREATE INDEX signals_position ON app.signals USING btree (log_id, "position");


--
-- Name: signals_strategy; Type: INDEX; Schema: app; Owner: orderwright_app
--

CREATE INDEX signals_strategy ON app.signals USING btree (log_id, strategy, "position");


--
-- Name: trades_owner; Type: INDEX; Schema: app; Owner: orderwright_app
--

CREATE INDEX trades_owner ON app.trades USING btree (log_id, strategy, account, "position");


--
-- Name: event_correlation; Type: INDEX; Schema: log; Owner: orderwright
--

CREATE INDEX event_correlation ON ONLY log.event USING btree (log_id, correlation);


--
-- Name: event_00000_log_id_correlation_idx; Type: INDEX; Schema: log; Owner: orderwright
--

CREATE INDEX event_00000_log_id_correlation_idx ON log.event_00000 USING btree (log_id, correlation);


--
-- Name: stream_attention; Type: INDEX; Schema: log; Owner: orderwright
--

CREATE INDEX stream_attention ON log.stream USING btree (log_id, name) WHERE attention;


--
-- Name: event_00000_log_id_correlation_idx; Type: INDEX ATTACH; Schema: log; Owner: orderwright
--

ALTER INDEX log.event_correlation ATTACH PARTITION log.event_00000_log_id_correlation_idx;


--
-- Name: event_00000_pkey; Type: INDEX ATTACH; Schema: log; Owner: orderwright
--

ALTER INDEX log.event_pkey ATTACH PARTITION log.event_00000_pkey;


--
-- Name: event refuse_change; Type: TRIGGER; Schema: log; Owner: orderwright
--

CREATE TRIGGER refuse_change BEFORE DELETE OR UPDATE ON log.event FOR EACH ROW EXECUTE FUNCTION log.refuse_change();

ALTER TABLE log.event ENABLE ALWAYS TRIGGER refuse_change;


--
-- Name: log_batch refuse_change; Type: TRIGGER; Schema: log; Owner: orderwright
--

CREATE TRIGGER refuse_change BEFORE DELETE OR UPDATE ON log.log_batch FOR EACH ROW EXECUTE FUNCTION log.refuse_change();

ALTER TABLE log.log_batch ENABLE ALWAYS TRIGGER refuse_change;


--
-- Name: stream refuse_change; Type: TRIGGER; Schema: log; Owner: orderwright
--

CREATE TRIGGER refuse_change BEFORE DELETE OR UPDATE OF log_id, stream_id, name ON log.stream FOR EACH ROW EXECUTE FUNCTION log.refuse_change();

ALTER TABLE log.stream ENABLE ALWAYS TRIGGER refuse_change;


--
-- Name: event refuse_truncate; Type: TRIGGER; Schema: log; Owner: orderwright
--

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON log.event FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();

ALTER TABLE log.event ENABLE ALWAYS TRIGGER refuse_truncate;


--
-- Name: event_00000 refuse_truncate; Type: TRIGGER; Schema: log; Owner: orderwright
--

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON log.event_00000 FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();

ALTER TABLE log.event_00000 ENABLE ALWAYS TRIGGER refuse_truncate;


--
-- Name: log_batch refuse_truncate; Type: TRIGGER; Schema: log; Owner: orderwright
--

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON log.log_batch FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();

ALTER TABLE log.log_batch ENABLE ALWAYS TRIGGER refuse_truncate;


--
-- Name: stream refuse_truncate; Type: TRIGGER; Schema: log; Owner: orderwright
--

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON log.stream FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();

ALTER TABLE log.stream ENABLE ALWAYS TRIGGER refuse_truncate;


--
-- Name: SCHEMA log; Type: ACL; Schema: -; Owner: orderwright
--

GRANT USAGE ON SCHEMA log TO orderwright_app;


--
-- Name: FUNCTION append_batch(p_log_id integer, p_epoch bigint, p_batch_no bigint, p_first_position bigint, p_root bytea, p_chain bytea, p_recorded_at bigint, p_stream_ids bigint[], p_names text[], p_expected bigint[], p_versions bigint[], p_attention bigint[], e_stream_ids bigint[], e_versions bigint[], e_event_ids uuid[], e_types text[], e_schema_versions bigint[], e_causations uuid[], e_correlations uuid[], e_payloads text[]); Type: ACL; Schema: log; Owner: orderwright
--

REVOKE ALL ON FUNCTION log.append_batch(p_log_id integer, p_epoch bigint, p_batch_no bigint, p_first_position bigint, p_root bytea, p_chain bytea, p_recorded_at bigint, p_stream_ids bigint[], p_names text[], p_expected bigint[], p_versions bigint[], p_attention bigint[], e_stream_ids bigint[], e_versions bigint[], e_event_ids uuid[], e_types text[], e_schema_versions bigint[], e_causations uuid[], e_correlations uuid[], e_payloads text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION log.append_batch(p_log_id integer, p_epoch bigint, p_batch_no bigint, p_first_position bigint, p_root bytea, p_chain bytea, p_recorded_at bigint, p_stream_ids bigint[], p_names text[], p_expected bigint[], p_versions bigint[], p_attention bigint[], e_stream_ids bigint[], e_versions bigint[], e_event_ids uuid[], e_types text[], e_schema_versions bigint[], e_causations uuid[], e_correlations uuid[], e_payloads text[]) TO orderwright_app;


--
-- Name: FUNCTION depose(p_log_id integer, p_epoch bigint, p_ttl_seconds double precision); Type: ACL; Schema: log; Owner: orderwright
--

REVOKE ALL ON FUNCTION log.depose(p_log_id integer, p_epoch bigint, p_ttl_seconds double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION log.depose(p_log_id integer, p_epoch bigint, p_ttl_seconds double precision) TO orderwright_app;


--
-- Name: FUNCTION end_session(p_log_id integer, p_epoch bigint); Type: ACL; Schema: log; Owner: orderwright
--

REVOKE ALL ON FUNCTION log.end_session(p_log_id integer, p_epoch bigint) FROM PUBLIC;


--
-- Name: FUNCTION ensure_partitions(p_ahead integer); Type: ACL; Schema: log; Owner: orderwright
--

REVOKE ALL ON FUNCTION log.ensure_partitions(p_ahead integer) FROM PUBLIC;
GRANT ALL ON FUNCTION log.ensure_partitions(p_ahead integer) TO orderwright_app;


--
-- Name: FUNCTION lock_log(p_log_id integer); Type: ACL; Schema: log; Owner: orderwright
--

REVOKE ALL ON FUNCTION log.lock_log(p_log_id integer) FROM PUBLIC;


--
-- Name: FUNCTION make_partition(p_number integer); Type: ACL; Schema: log; Owner: orderwright
--

REVOKE ALL ON FUNCTION log.make_partition(p_number integer) FROM PUBLIC;


--
-- Name: FUNCTION partition_name(p_number bigint); Type: ACL; Schema: log; Owner: orderwright
--

REVOKE ALL ON FUNCTION log.partition_name(p_number bigint) FROM PUBLIC;


--
-- Name: FUNCTION partition_width(); Type: ACL; Schema: log; Owner: orderwright
--

REVOKE ALL ON FUNCTION log.partition_width() FROM PUBLIC;


--
-- Name: FUNCTION refuse_change(); Type: ACL; Schema: log; Owner: orderwright
--

REVOKE ALL ON FUNCTION log.refuse_change() FROM PUBLIC;


--
-- Name: FUNCTION release_lease(p_log_id integer, p_epoch bigint); Type: ACL; Schema: log; Owner: orderwright
--

REVOKE ALL ON FUNCTION log.release_lease(p_log_id integer, p_epoch bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION log.release_lease(p_log_id integer, p_epoch bigint) TO orderwright_app;


--
-- Name: FUNCTION renew_lease(p_log_id integer, p_epoch bigint); Type: ACL; Schema: log; Owner: orderwright
--

REVOKE ALL ON FUNCTION log.renew_lease(p_log_id integer, p_epoch bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION log.renew_lease(p_log_id integer, p_epoch bigint) TO orderwright_app;


--
-- Name: FUNCTION resume_lease(p_log_id integer, p_epoch bigint); Type: ACL; Schema: log; Owner: orderwright
--

REVOKE ALL ON FUNCTION log.resume_lease(p_log_id integer, p_epoch bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION log.resume_lease(p_log_id integer, p_epoch bigint) TO orderwright_app;


--
-- Name: FUNCTION save_snapshot(p_log_id integer, p_epoch bigint, p_stream text, p_version bigint, p_position bigint, p_schema_version integer, p_state bytea, p_hash bytea); Type: ACL; Schema: log; Owner: orderwright
--

REVOKE ALL ON FUNCTION log.save_snapshot(p_log_id integer, p_epoch bigint, p_stream text, p_version bigint, p_position bigint, p_schema_version integer, p_state bytea, p_hash bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION log.save_snapshot(p_log_id integer, p_epoch bigint, p_stream text, p_version bigint, p_position bigint, p_schema_version integer, p_state bytea, p_hash bytea) TO orderwright_app;


--
-- Name: FUNCTION session_start(); Type: ACL; Schema: log; Owner: orderwright
--

REVOKE ALL ON FUNCTION log.session_start() FROM PUBLIC;


--
-- Name: FUNCTION set_lease_ttl(p_log_id integer, p_epoch bigint, p_ttl_seconds double precision); Type: ACL; Schema: log; Owner: orderwright
--

REVOKE ALL ON FUNCTION log.set_lease_ttl(p_log_id integer, p_epoch bigint, p_ttl_seconds double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION log.set_lease_ttl(p_log_id integer, p_epoch bigint, p_ttl_seconds double precision) TO orderwright_app;


--
-- Name: FUNCTION take_lease(p_log_id integer, p_owner text); Type: ACL; Schema: log; Owner: orderwright
--

REVOKE ALL ON FUNCTION log.take_lease(p_log_id integer, p_owner text) FROM PUBLIC;
GRANT ALL ON FUNCTION log.take_lease(p_log_id integer, p_owner text) TO orderwright_app;


--
-- Name: TABLE event; Type: ACL; Schema: log; Owner: orderwright
--

GRANT SELECT ON TABLE log.event TO orderwright_app;


--
-- Name: TABLE event_00000; Type: ACL; Schema: log; Owner: orderwright
--

GRANT SELECT ON TABLE log.event_00000 TO orderwright_app;


--
-- Name: TABLE log_batch; Type: ACL; Schema: log; Owner: orderwright
--

GRANT SELECT ON TABLE log.log_batch TO orderwright_app;


--
-- Name: TABLE migration; Type: ACL; Schema: log; Owner: orderwright
--

GRANT SELECT ON TABLE log.migration TO orderwright_app;


--
-- Name: TABLE snapshot; Type: ACL; Schema: log; Owner: orderwright
--

GRANT SELECT ON TABLE log.snapshot TO orderwright_app;


--
-- Name: TABLE stream; Type: ACL; Schema: log; Owner: orderwright
--

GRANT SELECT ON TABLE log.stream TO orderwright_app;


--
-- Name: TABLE writer_lease; Type: ACL; Schema: log; Owner: orderwright
--

GRANT SELECT ON TABLE log.writer_lease TO orderwright_app;


--
-- PostgreSQL database dump complete
--
