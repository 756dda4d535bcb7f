-- Snapshots are kept by whoever holds the lease, of events that are durable, the two newest of a stream. False if there
-- is no such event or the epoch is over: a snapshot is a convenience, and missing one is no failure.
CREATE FUNCTION log.save_snapshot(
    p_log_id integer, p_epoch bigint, p_stream text, p_version bigint, p_position bigint, p_schema_version integer,
    p_state bytea, p_hash bytea
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
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

REVOKE ALL ON FUNCTION log.save_snapshot FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.save_snapshot TO orderwright_app;
