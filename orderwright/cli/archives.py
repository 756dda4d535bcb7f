"""Anchors and backups of an installation: the log's parts, and the paper exchange's books beside them."""

import errno
import logging
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from orderwright.actors.catalogue_desk import CatalogueDesk
from orderwright.bootstrap import Installation, reading
from orderwright.clock import SystemClock
from orderwright.engine.catalogue.commands import HaltTrading
from orderwright.engine.catalogue.events import HaltScope
from orderwright.eventstore.anchors import SignedAnchor, anchor_of, signing_key, write_anchor
from orderwright.eventstore.backup import BackupNote, Report, back_up
from orderwright.eventstore.connect import LogPlace, open_log_for_writing
from orderwright.eventstore.restore import RestoreRefused, restore_backup
from orderwright.eventstore.verify import Verified
from orderwright.exchanges.paper.books import BOOKS_FILE

logger = logging.getLogger(__name__)

_RESTORE = "restore"


def make_anchor(installation: Installation, file: Path) -> SignedAnchor:
    """Write the log's head, signed with the installation's own key, into a new file.

    Raises:
        EventStoreError: there is no log, it cannot be read, or the key cannot be used.
        OSError: the file exists already, or it or the key cannot be written.
    """
    installation.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with reading(installation) as log:
        anchor = anchor_of(log.reader, log.reader.last_batch(), SystemClock().now())
    signed = signing_key(installation.data).sign(anchor)
    write_anchor(file, signed)
    return signed


def make_backup(installation: Installation, folder: Path, *, is_tried: bool, report: Report) -> BackupNote:
    """Write a backup into a new folder, whether an engine runs or not; if it `is_tried`, restore and verify it, too.

    A backup that fails, or cannot be restored, leaves nothing behind.

    Raises:
        EventStoreError: there is no log, it cannot be dumped, or the backup is not good.
        OSError: the folder exists already or cannot be written.
    """
    if folder.exists():
        raise FileExistsError(errno.EEXIST, "exists already; a backup is never written over", str(folder))
    installation.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = signing_key(installation.data)
    partial = folder.with_name(f"{folder.name}.partial")
    partial.mkdir(parents=True, mode=0o700)
    try:
        note = back_up(installation.place, partial, key=key, clock=SystemClock(), report=report)
        _copy_books(installation.data / BOOKS_FILE, partial / BOOKS_FILE)
        if is_tried:
            with tempfile.TemporaryDirectory(prefix="orderwright-backup-") as scratch:
                Path(scratch).chmod(0o711)
                place = LogPlace(directory=Path(scratch) / "data", log_id=installation.place.log_id)
                restore_backup(partial, place, report=report)
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return note


def restore_installation(installation: Installation, folder: Path, *, report: Report) -> Verified:
    """Make an installation from a backup where there is none, and verify its log; everything is halted in it.

    Raises:
        BackupUnusable: the folder holds no backup that can be used.
        RestoreRefused: there is an installation already.
        EventStoreError: it cannot be restored, or is not what was backed up.
        OSError: the data directory cannot be written.
    """
    books = installation.data / BOOKS_FILE
    if books.exists():
        message = f"{books} exists already: restore into another folder, or move it away"
        raise RestoreRefused(message)
    verified = restore_backup(folder, installation.place, report=report, finish=_halt_restored)
    installation.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    _copy_books(folder / BOOKS_FILE, books)
    return verified


def _halt_restored(place: LogPlace, note: BackupNote) -> None:
    clock = SystemClock()
    why = f"the log was restored from a backup of {note.made_at}, and knows nothing of what happened since"
    halt = HaltTrading(by=_RESTORE, why=why, scope=HaltScope.EVERYTHING, until_examined=True)
    with open_log_for_writing(place, clock=clock, on_fenced=logger.critical) as log:
        desk = CatalogueDesk(clock=clock, reader=log.reader, writer=log.writer)
        desk.load()
        desk.change([halt])


def _copy_books(source: Path, target: Path) -> None:
    if source.exists():
        with closing(sqlite3.connect(source)) as books, closing(sqlite3.connect(target)) as copy:
            books.backup(copy)
