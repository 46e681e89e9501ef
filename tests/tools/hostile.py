#!/usr/bin/env python3
"""Packages nobody should unpack, and some that look like them but are fine.

hostile.py FOLDER   makes them there, and prints a line each:
                    FILE<tab>what the refusal must say (a regular expression);
                    "ok" for those that are to be unpacked
hostile.py FOLDER --large   also the ones of gigabytes
"""
import bz2
import gzip
import io
import lzma
import os
import random
import struct
import sys
import tarfile
import zipfile
import zlib

OUT = sys.argv[1]
LARGE = "--large" in sys.argv[2:]
os.makedirs(OUT, exist_ok=True)
noise = random.Random(1)


def say(name, reason):
    print(f"{name}\t{reason}")


def entry(name, data=None, **fields):
    """One entry of a tar and its content."""
    info = tarfile.TarInfo(name)
    info.mode = 0o644
    if data is not None:
        info.size = len(data)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def tar(name, reason, entries, packer=None, form=tarfile.GNU_FORMAT, cut=None):
    """Write a tar of entries; packer compresses it; cut(bytes) spoils it."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=form) as t:
        for info, data in entries:
            t.addfile(info, io.BytesIO(data) if data is not None else None)
    data = raw.getvalue()
    if packer:
        data = packer(data)
    if cut:
        data = cut(data)
    with open(os.path.join(OUT, name), "wb") as f:
        f.write(data)
    say(name, reason)


def zst(data, zeros=0):
    """data, and so many times 128 KiB of zeros, as a zstd file."""
    blocks = [(0, data[i:i + (1 << 17)]) for i in range(0, len(data), 1 << 17)]
    blocks += [(1, b"\0")] * zeros
    out = [b"\x28\xb5\x2f\xfd\x00\x38"]
    for i, (kind, block) in enumerate(blocks):
        size = 1 << 17 if kind else len(block)
        word = size << 3 | kind << 1 | (i == len(blocks) - 1)
        out += [struct.pack("<I", word)[:3], block]
    return b"".join(out)


def link(name, to, kind=tarfile.SYMTYPE):
    return entry(name, type=kind, linkname=to)


def zipped(name, reason, entries, spoil=None):
    """Write a zip of (name or ZipInfo, data)."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as z:
        for info, data in entries:
            z.writestr(info, data)
    data = raw.getvalue()
    if spoil:
        data = spoil(data)
    with open(os.path.join(OUT, name), "wb") as f:
        f.write(data)
    say(name, reason)


def zip_mode(name, mode):
    """An entry of a zip with a Unix mode."""
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = mode << 16
    return info


def flip(data, at):
    data = bytearray(data)
    data[at] ^= 1
    return bytes(data)


FINE = entry("fine.txt", b"fine\n")

# out of the folder
tar("dotdot.tar", r'"../evil" has ".." in it', [FINE, entry("../evil", b"x")])
tar("dotdot-deep.tar", r"has \"..\" in it", [entry("a/b/../../../evil", b"x")])
tar("dotdot-inside.tar", r"has \"..\" in it", [entry("a/../b", b"x")])
tar("dotdot-folder.tar", r"has \"..\" in it",
    [entry("../evil", type=tarfile.DIRTYPE)])
tar("dotdot-pax.tar", r"has \"..\" in it",
    [entry("a" * 120 + "/../../evil", b"x")], form=tarfile.PAX_FORMAT)
tar("absolute.tar", r"is absolute", [entry("/tmp/evil", b"x")])
tar("absolute-slashes.tar", r"is absolute", [entry("//tmp/evil", b"x")])
zipped("zip-slip.zip", r"has \"..\" in it", [("../../evil.sh", b"x")])
zipped("absolute.zip", r"is absolute", [("/tmp/evil", b"x")])
zipped("backslashes.zip", r"has \"..\" in it",
       [("qqqevilqq", b"x")],
       spoil=lambda d: d.replace(b"qqqevilqq", b"..\\evil.x")
       .replace(b"PK\1\2\x14\x03", b"PK\1\2\x14\x00"))

# through links, in either order
tar("link-then-file.tar", r"goes through a symbolic link",
    [link("a", "/tmp"), entry("a/evil", b"x")])
tar("link-then-file-deep.tar", r"goes through a symbolic link",
    [link("a/b", "../.."), entry("a/b/evil", b"x")])
tar("link-inside-then-file.tar", r"goes through a symbolic link",
    [entry("d/f", b"x"), link("a", "d"), entry("a/evil", b"x")])
tar("link-then-same-name.tar", r"twice",
    [link("a", "fine.txt"), entry("a", b"x"), FINE])
tar("link-then-folder.tar", r"goes through a symbolic link",
    [link("a", "/tmp"), entry("a", type=tarfile.DIRTYPE)])
tar("file-then-link.tar", r"twice", [entry("a", b"x"), link("a", "/tmp/x")])
tar("folder-then-link.tar", r"twice",
    [entry("a", type=tarfile.DIRTYPE), link("a", "/tmp")])
tar("file-then-folder.tar", r"takes a file for a folder",
    [entry("a", b"x"), entry("a/b", b"x")])
zi = zip_mode("a", 0o120777)
zipped("link-then-file.zip", r"goes through a symbolic link",
       [(zi, b"/tmp"), ("a/evil", b"x")])

# links that lead out
tar("link-absolute.tar", r"leads out", [FINE, link("a", "/etc/passwd")])
tar("link-up.tar", r"leads out", [FINE, link("a/b", "../../fine")])
tar("link-by-link.tar", r"leads out",
    [FINE, entry("d/e/f", b"x"), link("d/e/up", "../.."),
     link("d/e/out", "up/../evil")])
tar("link-dangling-out.tar", r"leads out",
    [FINE, link("a", "missing/../../evil")])
tar("link-empty.tar", r"symbolic link to nothing|broken",
    [FINE, link("a", "")])
zipped("link-out.zip", r"leads out",
       [("fine", b"x"), (zip_mode("a", 0o120777), b"../../etc/passwd")])
tar("hardlink-out.tar", r"hard link",
    [FINE, link("a", "/etc/passwd", tarfile.LNKTYPE)])
tar("hardlink-dotdot.tar", r"hard link",
    [FINE, link("a", "../../etc/passwd", tarfile.LNKTYPE)])
tar("hardlink-through-link.tar", r"hard link",
    [FINE, link("a", "/etc"), link("b", "a/passwd", tarfile.LNKTYPE)])
tar("hardlink-to-link.tar", r"hard link",
    [FINE, link("a", "/etc/passwd"), link("b", "a", tarfile.LNKTYPE)])
tar("hardlink-to-later.tar", r"hard link",
    [FINE, link("a", "b", tarfile.LNKTYPE), entry("b", b"x")])
tar("hardlink-to-itself.tar", r"hard link",
    [FINE, link("a", "a", tarfile.LNKTYPE)])

# what is no file
for kind, name in ((tarfile.CHRTYPE, "char"), (tarfile.BLKTYPE, "block")):
    tar(f"device-{name}.tar", r"is a device",
        [FINE, entry("null", type=kind, devmajor=1, devminor=3)])
tar("fifo.tar", r"is a FIFO", [FINE, entry("pipe", type=tarfile.FIFOTYPE)])
zipped("device.zip", r"is a device", [(zip_mode("null", 0o020666), b"")])
zipped("socket.zip", r"is a socket", [(zip_mode("sock", 0o140666), b"")])

# modes
tar("setuid.tar", r"setuid", [entry("su", b"x", mode=0o4755)])
tar("setgid.tar", r"setuid", [entry("sg", b"x", mode=0o2755)])
tar("sticky.tar", r"setuid", [entry("st", b"x", mode=0o1644)])
zipped("setuid.zip", r"setuid", [(zip_mode("su", 0o104755), b"x")])

# names
tar("part-too-long.tar", r"has a part of 300 bytes",
    [entry("n" * 300, b"x")])
tar("name-too-long.tar", r"is longer than|folders deep",
    [entry("/".join(["n" * 200] * 20), b"x")])
tar("too-deep.tar", r"more than 128 folders deep",
    [entry("d/" * 200 + "f", b"x")])
tar("no-name.tar", r"has no name", [FINE, entry(".", b"x")])
tar("twice.tar", r"twice", [entry("a", b"1"), entry("a", b"2")])
tar("twice-dots.tar", r"twice", [entry("a", b"1"), entry("./a", b"2")])
zipped("twice.zip", r"twice", [("a", b"1"), ("./a", b"2")])

# broken
BODY = noise.randbytes(300000)
MANY = [entry(f"f{i}", BODY[i * 1000:i * 1000 + 50000]) for i in range(5)]
tar("cut.tar", r"broken or cut", MANY, cut=lambda d: d[:120000])
tar("cut-at-entry.tar", r"is cut", MANY[:1],
    cut=lambda d: d[:512 + 50176])
for name, packer in (("gz", gzip.compress), ("bz2", bz2.compress),
                     ("xz", lzma.compress)):
    tar(f"cut.tar.{name}", r"cut", MANY, packer, cut=lambda d: d[:-4000])
    tar(f"cut-late.tar.{name}", r"cut|broken", MANY, packer,
        cut=lambda d: d[:-3])
    tar(f"flipped.tar.{name}", r"broken", MANY, packer,
        cut=lambda d: flip(d, len(d) // 2))
tar("cut.tar.zst", r"cut", MANY, zst, cut=lambda d: d[:-4000])
tar("flipped-header.tar", r"broken or cut|neither", MANY,
    cut=lambda d: flip(d, 512 + 50176 + 5))
tar("behind-gzip.tar.gz", r"behind the end", MANY, gzip.compress,
    cut=lambda d: d + b"more")
ZIPPED = [(f"f{i}", BODY[:50000]) for i in range(3)]
zipped("cut.zip", r"broken or cut|neither", ZIPPED,
       spoil=lambda d: d[:len(d) // 2])
zipped("flipped.zip", r"broken", ZIPPED, spoil=lambda d: flip(d, 30000))
zipped("lying-size.zip", r"broken|shorter|size",
       [("zeros", bytes(5000000))],
       spoil=lambda d: d.replace(struct.pack("<I", 5000000),
                                 struct.pack("<I", 100)))
zipped("lying-larger.zip", r"broken|shorter|size|more than",
       [("zeros", bytes(5000))],
       spoil=lambda d: d.replace(struct.pack("<I", 5000),
                                 struct.pack("<I", 4000000000)))
zipped("encrypted.zip", r"encrypted", [("secret", b"x" * 100)],
       spoil=lambda d: d.replace(b"PK\3\4\x14\0\0\0", b"PK\3\4\x14\0\1\0")
       .replace(b"PK\1\2\x14\3\x14\0\0\0", b"PK\1\2\x14\3\x14\0\1\0"))
for name, data, reason in (
        ("empty.tar", b"", r"empty"),
        ("zeros.tar", bytes(10240), r"no file in it"),
        ("text.tar.gz", gzip.compress(b"hello\n" * 500), r"neither"),
        ("text.zip", b"hello, I am a zip\n" * 60, r"neither"),
        ("noise.tar", BODY[:20000], r"neither"),
        ("short.tar", b"x", r"neither"),
        ("magic.zip", b"PK\3\4" + BODY[:2000], r"broken"),
        ("magic.tar.gz", b"\x1f\x8b" + BODY[:2000], r"broken"),
        ("magic.tar.xz", b"\xfd7zXZ\0" + BODY[:2000], r"broken"),
        ("magic.tar.bz2", b"BZh9" + BODY[:2000], r"broken|neither"),
        ("magic.tar.zst", b"\x28\xb5\x2f\xfd" + BODY[:2000], r"broken")):
    with open(os.path.join(OUT, name), "wb") as f:
        f.write(data)
    say(name, reason)
tar("only-folders.tar", r"no file in it", [entry("d", type=tarfile.DIRTYPE)])


# bombs
def zeros_tar(name, reason, size, data):
    """A tar of one file of zeros: data(its head)."""
    head = tarfile.TarInfo("zeros")
    head.size = size
    with open(os.path.join(OUT, name), "wb") as f:
        f.write(data(head.tobuf(tarfile.GNU_FORMAT)))
    say(name, reason)


MEBI = 1 << 20
TEN = 10 << 30
MORE = r"unpacks to more than|times its size"
zeros_tar("zeros-10g.tar.gz", MORE, TEN, lambda h: gzip.compress(h) +
          gzip.compress(bytes(MEBI)) * (TEN // MEBI) +
          gzip.compress(bytes(1024)))
zeros_tar("zeros-10g.tar.bz2", MORE, TEN, lambda h: bz2.compress(h) +
          bz2.compress(bytes(MEBI)) * (TEN // MEBI) +
          bz2.compress(bytes(1024)))
zeros_tar("zeros-10g.tar.xz", MORE, TEN, lambda h: lzma.compress(h) +
          lzma.compress(bytes(MEBI)) * (TEN // MEBI) +
          lzma.compress(bytes(1024)))
zeros_tar("zeros-10g.tar.zst", MORE, TEN,
          lambda h: zst(h, zeros=TEN >> 17) + zst(bytes(1024)))
# 10 GB in one file each, which are no tar: nothing to be read for long
zeros_tar("zeros-behind.tar.gz", r"times its size|no file", 0, lambda h:
          gzip.compress(bytes(1024)) +
          gzip.compress(bytes(MEBI)) * (TEN // MEBI))
# as many as are let through, one by one
with open(os.path.join(OUT, "zeros-many.tar.gz"), "wb") as f:
    piece = gzip.compress(bytes(MEBI))
    for i in range(400):
        f.write(gzip.compress(entry(f"z{i}", size=MEBI)[0].tobuf(
            tarfile.GNU_FORMAT)) + piece)
    f.write(gzip.compress(bytes(1024)))
say("zeros-many.tar.gz", MORE)
# a tar that says 10 GB: there is hardly anything behind it
tar("says-10g.tar", r"unpacks to more than|broken",
    [entry("zeros", size=10 << 30)])
# 10 GB of holes: no compression at all
head = tarfile.TarInfo("holes")
head.size = 512
head.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0",
                    "GNU.sparse.name": "holes",
                    "GNU.sparse.realsize": str(10 << 30)}
sparse = f"1\n{10 << 30}\n0\n".encode()
tar("holes-10g.tar", r"unpacks to more than",
    [(head, sparse.ljust(512, b"\0"))], form=tarfile.PAX_FORMAT)
zipped("zeros.zip", r"unpacks to more than", [("zeros", bytes(150 << 20))])

# entries of a zip within one another: each holds all that follow
kernel = noise.randbytes(200000)
records, tail = [], kernel
for i in range(1000):
    crc = zlib.crc32(tail)
    records.append((crc, len(tail), b"n%05d" % i))
    tail = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 0, 0, 33, crc,
                       len(tail), len(tail), 6, 0) + records[-1][2] + tail
central = b"".join(
    struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 0, 0, 33, crc, size,
                size, 6, 0, 0, 0, 0, 0, (999 - i) * 36) + name
    for i, (crc, size, name) in enumerate(records))
with open(os.path.join(OUT, "overlapping.zip"), "wb") as f:
    f.write(tail + central + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1000,
                                         1000, len(central), len(tail), 0))
say("overlapping.zip", r"unpacks to more than|broken")

# a gzip in a gzip in a gzip
tar("nested.tar.gz", r"neither", [FINE],
    lambda d: gzip.compress(gzip.compress(gzip.compress(d))))
tar("nested.tar.xz", r"neither|more than once", [FINE],
    lambda d: lzma.compress(lzma.compress(d)))

# a million entries: of a zip, and of a tar of empty files
record = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 0, 0, 33, 0, 0, 0,
                     7, 0, 0, 0, 0, 0, 0)
local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 0, 0, 33, 0, 0, 0, 7, 0) + \
    b"0000000"
million = b"".join(record + b"%07d" % i for i in range(1000000))
with open(os.path.join(OUT, "million.zip"), "wb") as f:
    f.write(local + million + struct.pack(
        "<4s4H2LH", b"PK\5\6", 0, 0, 0xffff, 0xffff, len(million), len(local),
        0))
say("million.zip", r"more than [0-9]+ entries")
if LARGE:
    with gzip.open(os.path.join(OUT, "million.tar.gz"), "wb", 1) as f:
        for i in range(0, 1000000, 1000):
            f.write(b"".join(entry(f"{k // 1000}/{k}")[0].tobuf(
                tarfile.GNU_FORMAT) for k in range(i, i + 1000)))
        f.write(bytes(1024))
    say("million.tar.gz", r"more than [0-9]+ entries")
folders = tarfile.TarInfo("d")
folders.type = tarfile.DIRTYPE
with gzip.open(os.path.join(OUT, "million-same.tar.gz"), "wb", 1) as f:
    same = folders.tobuf(tarfile.GNU_FORMAT) * 10000
    for _ in range(100):
        f.write(same)
    f.write(bytes(1024))
say("million-same.tar.gz", r"more than [0-9]+ entries|times its size")

# fine, though each looks like one of those above
tar("fine-dots.tar", "ok", [entry("./", type=tarfile.DIRTYPE),
                            entry("./a..b/..c/...", b"x"), FINE])
tar("fine-links.tar", "ok",
    [entry("lib/libx.so.1.2", b"x" * 100), link("lib/libx.so", "libx.so.1"),
     link("lib/libx.so.1", "libx.so.1.2"), link("lib64", "lib"),
     link("lib/here", "."), link("lib/up", ".."), link("circle", "circle"),
     link("nothing", "not/there"),
     link("bin", "lib/libx.so.1.2", tarfile.LNKTYPE)])
tar("fine-case.tar", "ok", [entry("README", b"1"), entry("readme", b"2")])
tar("fine-folder-twice.tar", "ok",
    [entry("d", type=tarfile.DIRTYPE), entry("d/a", b"x"),
     entry("d/", type=tarfile.DIRTYPE, mode=0o2755)])
tar("fine-names.tar", "ok",
    [entry("\u00e4\u4e2d.txt", b"x"), entry("a b\tc", b"x"),
     entry("n" * 255, b"x"), entry("\\x", b"x")], form=tarfile.PAX_FORMAT)
tar("fine-nested.tar", "ok",
    [entry("inner.tar.gz", gzip.compress(BODY)), FINE])
tar("fine.tar.gz", "ok", MANY, gzip.compress)
tar("fine-members.tar.gz", "ok", MANY,
    lambda d: gzip.compress(d[:100000]) + gzip.compress(d[100000:]) + bytes(9))
tar("fine.tar.bz2", "ok", MANY, bz2.compress)
tar("fine.tar.xz", "ok", MANY, lzma.compress)
tar("fine.tar.zst", "ok", MANY, zst)
tar("fine-zeros.tar.gz", "ok", [entry("zeros", bytes(20 << 20))],
    gzip.compress)
zipped("fine.zip", "ok",
       [(zip_mode("bin/run", 0o100755), b"#!/bin/sh\n"), ("d/", b""),
        ("d/a", b"x"), (zip_mode("l", 0o120777), b"bin/run")])
