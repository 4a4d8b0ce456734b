"""Reads a log that ceknik wrote with implementations that are not ours: verify.py DIRECTORY EXPECTED.json"""

import json
import pathlib
import sys

import aics_tlog as aics
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader

directory = pathlib.Path(sys.argv[1])
expected = json.loads(pathlib.Path(sys.argv[2]).read_text())
size = expected["size"]
root = bytes.fromhex(expected["roots"][str(size)])


def hashes(hexes):
    return [bytes.fromhex(text) for text in hexes]


# The checkpoint: signed by the log, cosigned by both witnesses, and by nobody else.
note = (directory / "checkpoint").read_bytes()
witnesses = [aics.parse_vkey(key) for key in expected["witnesses"]]
result = aics.verify_checkpoint(aics.parse_note(note), aics.parse_vkey(expected["log"]), witnesses, quorum=2)
assert result.ok, result
checkpoint, _ = aics.checkpoint.checkpoint_from_note(note)
assert (checkpoint.origin, checkpoint.size, checkpoint.root) == ("ceknik.example.org/log", size, root)
altered = note.replace(b"\n%d\n" % size, b"\n%d\n" % (size + 1), 1)
assert not aics.verify_checkpoint(aics.parse_note(altered), aics.parse_vkey(expected["log"]), witnesses, quorum=2).ok

# Every tile and every bundle, from the bottom up.
reader = aics.FileSystemTileReader(directory)
report = aics.audit_tiles(reader, size, root, entries=True)
print(f"aics-tlog: {size} entries, {report}")

# Every entry, proven against the checkpoint.
verified = aics.VerifiedTileReader(reader, size, root)
for index in range(size):
    assert verified.entry(index) == b"leaf %d" % index

# The proofs that ceknik makes are those that it makes.
for index, path in expected["inclusion"].items():
    assert aics.inclusion_proof_from_tiles(verified, int(index), size) == hashes(path), index
    assert aics.verify_leaf_inclusion(b"leaf %d" % int(index), int(index), size, hashes(path), root), index
for old, proof in expected["consistency"].items():
    before = bytes.fromhex(expected["roots"][old])
    assert aics.consistency_proof_from_tiles(verified, int(old), size) == hashes(proof), old
    assert aics.verify_consistency(int(old), size, before, root, hashes(proof)), old
    wrong = bytes([before[0] ^ 1]) + before[1:]
    assert not aics.verify_consistency(int(old), size, wrong, root, hashes(proof)), old

# Once more, by the other: the root of every tree that the log ever had.
scales = TilesReader(LocalBackend(directory))
assert scales.get_checkpoint().size == size
for tree, wanted in expected["roots"].items():
    assert scales.mth(0, int(tree)) == bytes.fromhex(wanted), tree
for old, proof in expected["consistency"].items():
    made = scales.get_consistency_proof(int(old), size)
    assert made.node_hashes == hashes(proof), old
    made.check(bytes.fromhex(expected["roots"][old]), root)
for index in range(size):
    assert scales.get_entry(index) == b"leaf %d" % index
print(f"tlog-scales: {size} entries, {len(expected['roots'])} roots, {len(expected['consistency'])} consistency proofs")
