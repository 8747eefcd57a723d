"""Mounts a folder by FUSE as object storage is mounted: written from beginning to end, read, removed.

    python tests/fuse_mount.py FOLDER MOUNT

What is written below MOUNT lies in FOLDER. Renames, links, locks, appending and writing anywhere but at a
file's end are refused. It speaks the kernel's protocol (linux/fuse.h) itself, needs root, and ends when
MOUNT is unmounted.
"""

import ctypes
import errno
import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

HEADER = struct.Struct("<IIQQIIIHH")
READ_BYTES = (1 << 20) + 4096
POSIX_LOCKS, FLOCK_LOCKS = 1 << 1, 1 << 10  # they come here, and are refused
DIRECT_IO = 1
SIZE_IS_SET = 1 << 3
MNT_DETACH = 2
WITHOUT_ANSWER = (2, 36, 42)  # forget, interrupt, batch_forget


class Mounted:
    """Answers requests of the kernel for one mount."""

    def __init__(self, folder: str) -> None:
        self.paths, self.numbers = {1: folder}, {folder: 1}
        self.open: dict[int, int] = {}
        self.operations: dict[int, Callable[[int, bytes], bytes]] = {
            1: lambda node, data: self._entry(self._child(node, data)),
            3: lambda node, data: self._attributes(node),
            4: self._set_attributes,
            9: self._make_folder,
            10: lambda node, data: self._nothing(os.unlink(self._child(node, data))),
            11: lambda node, data: self._nothing(os.rmdir(self._child(node, data))),
            14: self._open_file,
            15: self._read,
            16: self._write,
            17: lambda node, data: struct.pack("<5Q4I24x", *[1 << 24] * 5, 4096, 255, 4096, 0),
            18: self._release,
            20: lambda node, data: b"",
            25: lambda node, data: b"",
            26: self._begin,
            27: lambda node, data: struct.pack("<QII", 0, 0, 0),
            28: self._list,
            29: lambda node, data: b"",
            35: self._create,
        }

    def answer(self, number: int, node: int, data: bytes) -> tuple[int, bytes]:
        """The error number, 0 where there is none, and the body of the answer."""
        if number not in self.operations:
            return (errno.EOPNOTSUPP if number in (12, 13, 31, 32, 33, 45) else errno.ENOSYS), b""
        try:
            return 0, self.operations[number](node, data)
        except OSError as error:
            return error.errno or errno.EIO, b""

    def _child(self, node: int, name: bytes) -> str:
        return f"{self.paths[node]}/{os.fsdecode(name.partition(bytes(1))[0])}"

    def _nothing(self, done: None) -> bytes:
        return b""

    def _entry(self, path: str) -> bytes:
        attributes = _pack(os.lstat(path))
        node = self.numbers.setdefault(path, len(self.numbers) + 1)
        self.paths[node] = path
        return struct.pack("<4QII", node, 0, 0, 0, 0, 0) + attributes

    def _attributes(self, node: int) -> bytes:
        return struct.pack("<QII", 0, 0, 0) + _pack(os.lstat(self.paths[node]))

    def _set_attributes(self, node: int, data: bytes) -> bytes:
        valid, _, _, size = struct.unpack_from("<IIQQ", data)
        if valid & SIZE_IS_SET:
            if size:
                raise OSError(errno.EOPNOTSUPP, "only emptied")
            os.truncate(self.paths[node], 0)
        return self._attributes(node)

    def _make_folder(self, node: int, data: bytes) -> bytes:
        os.mkdir(path := self._child(node, data[8:]))
        return self._entry(path)

    def _open_file(self, node: int, data: bytes) -> bytes:
        (flags,) = struct.unpack_from("<I", data)
        if flags & os.O_APPEND:
            raise OSError(errno.EOPNOTSUPP, "no appending")
        return self._opened(os.open(self.paths[node], flags & ~os.O_CREAT & ~os.O_EXCL))

    def _create(self, node: int, data: bytes) -> bytes:
        flags, mode = struct.unpack_from("<II", data)
        path = self._child(node, data[16:])
        handle = os.open(path, flags | os.O_CREAT, mode & 0o7777)
        return self._entry(path) + self._opened(handle)

    def _opened(self, handle: int) -> bytes:
        self.open[handle] = os.fstat(handle).st_size
        return struct.pack("<QII", handle, DIRECT_IO, 0)

    def _read(self, node: int, data: bytes) -> bytes:
        handle, offset, size = struct.unpack_from("<QQI", data)
        return os.pread(handle, size, offset)

    def _write(self, node: int, data: bytes) -> bytes:
        handle, offset, size = struct.unpack_from("<QQI", data)
        if offset != os.fstat(handle).st_size:
            raise OSError(errno.EOPNOTSUPP, "only at the end")
        return struct.pack("<II", os.pwrite(handle, data[40 : 40 + size], offset), 0)

    def _release(self, node: int, data: bytes) -> bytes:
        (handle,) = struct.unpack_from("<Q", data)
        os.close(handle)
        return b""

    def _list(self, node: int, data: bytes) -> bytes:
        _, offset, size = struct.unpack_from("<QQI", data)
        names, found = [".", "..", *sorted(os.listdir(self.paths[node]))], b""
        for number, name in enumerate(names[offset:], offset + 1):
            raw = os.fsencode(name)
            entry = struct.pack("<QQII", number, number, len(raw), 0) + raw
            entry += bytes(-len(entry) % 8)
            if len(found) + len(entry) > size:
                break
            found += entry
        return found

    def _begin(self, node: int, data: bytes) -> bytes:
        _, minor, ahead, _ = struct.unpack_from("<4I", data)
        sizes = struct.pack("<HHIIHHI28x", 16, 12, READ_BYTES - 4096, 1, 256, 0, 0)
        return struct.pack("<4I", 7, min(minor, 31), ahead, POSIX_LOCKS | FLOCK_LOCKS) + sizes


def _pack(found: os.stat_result) -> bytes:
    times = (found.st_atime_ns, found.st_mtime_ns, found.st_ctime_ns)
    return struct.pack(
        "<6Q10I",
        *(found.st_ino, found.st_size, found.st_blocks),
        *(time // 10**9 for time in times),
        *(time % 10**9 for time in times),
        *(found.st_mode, found.st_nlink, found.st_uid, found.st_gid, 0, 4096, 0),
    )


def serve(folder: str, mount: str) -> None:
    """Mounts, and answers until the mount is gone."""
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"objects", os.fsencode(mount), b"fuse.objects", 0, options):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    mounted = Mounted(folder)
    while True:
        try:
            asked = os.read(device, READ_BYTES)
        except OSError as error:
            if error.errno in (errno.EINTR, errno.ENOENT):
                continue
            return  # ENODEV: unmounted
        _, number, unique, node, *_ = HEADER.unpack_from(asked)
        if number not in WITHOUT_ANSWER:
            error_number, body = mounted.answer(number, node, asked[HEADER.size :])
            with_head = struct.pack("<IiQ", 16 + len(body), -error_number, unique) + body
            try:
                os.write(device, with_head)
            except OSError as error:
                if error.errno != errno.ENOENT:  # the one who asked is gone
                    raise


@contextmanager
def fuse_mount(folder: Path) -> Iterator[Path | None]:
    """A mount during a `with` block; None where this process may not mount, or has no FUSE."""
    mount, behind = folder / "mount", folder / "behind"
    mount.mkdir()
    behind.mkdir()
    server = subprocess.Popen([sys.executable, __file__, behind, mount], stderr=subprocess.DEVNULL)
    try:
        while server.poll() is None and not os.path.ismount(mount):
            time.sleep(0.02)
        yield mount if server.poll() is None else None
    finally:
        ctypes.CDLL(None).umount2(os.fsencode(mount), MNT_DETACH)
        server.kill()
        server.wait()


if __name__ == "__main__":
    serve(*sys.argv[1:])
