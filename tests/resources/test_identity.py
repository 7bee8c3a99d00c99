"""Ids are ULIDs that rise, also when the clock does not."""

from __future__ import annotations

import re
import threading

from stigmer_core.resources.identity import IdSource


def test_an_id_is_its_prefix_and_a_lower_case_ulid():
    """26 characters of Crockford's alphabet after the underscore."""
    assert re.fullmatch(r"agt_[0-9a-hjkmnp-tv-z]{26}", IdSource().mint("agt"))


def test_ids_of_one_source_rise_and_never_repeat_across_threads():
    """Two threads that mint at once get different ids."""
    source = IdSource()
    minted = [[], [], [], []]
    threads = [
        threading.Thread(target=lambda mine=mine: mine.extend(source.mint("x") for _ in range(500))) for mine in minted
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(mine == sorted(mine) for mine in minted)
    assert len({one for mine in minted for one in mine}) == 2000
