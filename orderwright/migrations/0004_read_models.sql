-- Read models: what the log says, folded into rows that can be asked for. All but app.balances can be dropped and
-- built anew. Moments are microseconds since 1970, UTC; amounts in base units, prices in quote units.
-- The tables belong to the engine's role: they are ordinary tables, unlike the log.

SET LOCAL ROLE orderwright_app;

-- How far each projection has read. Moves in the same transaction as the projection's rows; `shape` tells which
-- version of the code made those rows.
CREATE TABLE app.projection (
    log_id integer NOT NULL,
    name text COLLATE "C" NOT NULL,
    shape text NOT NULL,
    position bigint NOT NULL CHECK (position >= 0),
    moved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (log_id, name)
);

-- Every order that was ever requested, under its engine order id. `position` is its first event, `as_of` the last one
-- that was applied; `state` is the engine's own fold as JSON, of an ended order the last before its end.
CREATE TABLE app.orders (
    log_id integer NOT NULL,
    order_id text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    as_of bigint NOT NULL,
    stream text COLLATE "C" NOT NULL,
    strategy text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    signal_id uuid NOT NULL,
    leg integer NOT NULL,
    symbol text COLLATE "C" NOT NULL,
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
    state text,
    PRIMARY KEY (log_id, order_id)
) WITH (fillfactor = 70);

CREATE INDEX orders_position ON app.orders (log_id, position);
CREATE INDEX orders_open ON app.orders (log_id, position) WHERE ended_at IS NULL;
CREATE INDEX orders_owner ON app.orders (log_id, strategy, account, position);

-- What each strategy account holds in each symbol it ever traded.
CREATE TABLE app.positions (
    log_id integer NOT NULL,
    stream text COLLATE "C" NOT NULL,
    symbol text COLLATE "C" NOT NULL,
    as_of bigint NOT NULL,
    strategy text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    quantity numeric NOT NULL,
    average_price numeric NOT NULL,
    realised numeric NOT NULL,
    updated_at bigint NOT NULL,
    state text NOT NULL,
    PRIMARY KEY (log_id, stream, symbol)
) WITH (fillfactor = 70);

-- Every fill, under the position of its event.
CREATE TABLE app.trades (
    log_id integer NOT NULL,
    position bigint NOT NULL,
    stream text COLLATE "C" NOT NULL,
    strategy text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    order_id text COLLATE "C" NOT NULL,
    signal_id uuid NOT NULL,
    trade_id text NOT NULL,
    symbol text COLLATE "C" NOT NULL,
    side text NOT NULL,
    amount numeric NOT NULL,
    price numeric NOT NULL,
    fee numeric NOT NULL,
    fee_currency text NOT NULL,
    traded_at bigint NOT NULL,
    booked_at bigint NOT NULL,
    PRIMARY KEY (log_id, position)
);

CREATE INDEX trades_owner ON app.trades (log_id, strategy, account, position);

-- Every stored signal; the counts are of strategy accounts. `symbols` as the sender spelled them.
CREATE TABLE app.signals (
    log_id integer NOT NULL,
    signal_id uuid NOT NULL,
    position bigint NOT NULL,
    strategy text COLLATE "C" NOT NULL,
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
    finished_at bigint,
    PRIMARY KEY (log_id, signal_id)
) WITH (fillfactor = 70);

CREATE INDEX signals_position ON app.signals (log_id, position);
CREATE INDEX signals_strategy ON app.signals (log_id, strategy, position);

-- When a signal reached each strategy account, and what came of it there. `as_of` is the last event applied.
CREATE TABLE app.signal_accounts (
    log_id integer NOT NULL,
    signal_id uuid NOT NULL,
    stream text COLLATE "C" NOT NULL,
    as_of bigint NOT NULL,
    account text COLLATE "C" NOT NULL,
    legs integer NOT NULL,
    refused integer NOT NULL,
    expired integer NOT NULL,
    routed_at bigint,
    first_request_at bigint,
    first_answer_at bigint,
    ended_at bigint,
    PRIMARY KEY (log_id, signal_id, stream)
) WITH (fillfactor = 70);

-- What exchanges last said of each account; not in the log, so not rebuilt.
CREATE TABLE app.balances (
    log_id integer NOT NULL,
    account text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    total numeric NOT NULL,
    seen_at bigint NOT NULL,
    PRIMARY KEY (log_id, account, currency)
);

RESET ROLE;
