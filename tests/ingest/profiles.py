"""Colour profiles made by hand (ICC.1:2001-04), so that what they must show follows from arithmetic."""

import struct

# The primaries of sRGB, adapted to D50, as every sRGB profile has them.
PRIMARIES = {
    b"rXYZ": (0.4360, 0.2225, 0.0139),
    b"gXYZ": (0.3851, 0.7169, 0.0971),
    b"bXYZ": (0.1431, 0.0606, 0.7141),
}
D50 = (0.9642, 1.0, 0.8249)


def rgb_profile(gamma: float) -> bytes:
    """The primaries of sRGB with another curve."""
    tags = {name: _xyz(value) for name, value in PRIMARIES.items()}
    tags |= {name: _curve(gamma) for name in (b"rTRC", b"gTRC", b"bTRC")}
    return _profile(b"RGB ", b"XYZ ", tags)


def grey_profile(gamma: float) -> bytes:
    return _profile(b"GRAY", b"XYZ ", {b"kTRC": _curve(gamma)})


def cmyk_profile() -> bytes:
    """Paper is white, full cyan alone is a grey of lightness 50, all else is black."""
    lightness = [0] * 16
    lightness[0b0000], lightness[0b1000] = 255, 128
    cells = b"".join(bytes([level, 128, 128]) for level in lightness)
    identity = struct.pack(">9i", *(65536 if i % 4 == 0 else 0 for i in range(9)))
    ramp = bytes(range(256))
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + identity + ramp * 4 + cells + ramp * 3
    return _profile(b"CMYK", b"Lab ", {b"A2B0": table})


def srgb_level(linear: float) -> float:
    """The level, from 0 to 255, that sRGB has for an intensity from 0 to 1 (IEC 61966-2-1)."""
    return 255 * (12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055)


def _profile(space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    text = b"made for a test\0"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78),
        b"wtpt": _xyz(D50),
        b"cprt": b"text\0\0\0\0none\0",
        **tags,
    }
    table, data, at = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for name, body in tags.items():
        table += name + struct.pack(">II", at + len(data), len(body))
        data += body + bytes(-len(body) % 4)
    kind = b"prtr" if space == b"CMYK" else b"mntr"
    head = struct.pack(">I4sI4s4s4s12x4s", at + len(data), b"test", 0x02100000, kind, space,
                       connection, b"acsp")  # fmt: skip
    head += bytes(28) + b"".join(struct.pack(">i", round(v * 65536)) for v in D50)
    return head.ljust(128, b"\0") + table + data


def _xyz(value: tuple[float, float, float]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65536)) for v in value)


def _curve(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
