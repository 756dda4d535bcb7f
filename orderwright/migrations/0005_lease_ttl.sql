-- How long a lease lasts without being renewed is its holder's to say: nobody with other settings may take it earlier.

ALTER TABLE log.writer_lease ADD COLUMN ttl_seconds double precision;

CREATE FUNCTION log.set_lease_ttl(p_log_id integer, p_epoch bigint, p_ttl_seconds double precision) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE log.writer_lease SET ttl_seconds = p_ttl_seconds WHERE log_id = p_log_id AND epoch = p_epoch;
    RETURN FOUND;
END
$$;

-- Take the log from a holder that has not renewed for p_ttl_seconds, nor for as long as it said: bump the epoch, end its
-- session (a stopped process would keep its lock otherwise). False if it has renewed meanwhile.
CREATE OR REPLACE FUNCTION log.depose(p_log_id integer, p_epoch bigint, p_ttl_seconds double precision) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
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

REVOKE ALL ON FUNCTION log.set_lease_ttl FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.set_lease_ttl TO orderwright_app;
