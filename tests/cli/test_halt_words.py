"""What `orderwright halt` says of a halt that does not stop everything."""

from orderwright.cli.control import _nothing_leaves


def test_liquidations_that_go_on_through_a_halt_are_named() -> None:
    assert _nothing_leaves({"liquidating": []}, "everything") == "Nothing more leaves for everything."
    going_on = ["strategy-account/test1@A1", "strategy-account/test2@A1"]
    assert _nothing_leaves({"liquidating": going_on}, "account A1") == (
        "Nothing more leaves for account A1, but for what liquidations begun earlier send: "
        "strategy-account/test1@A1, strategy-account/test2@A1."
    )
