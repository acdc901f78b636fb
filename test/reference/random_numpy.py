"""The counter-based generator of runtime/include/tpc_random.h in NumPy, from the paper: Philox4x32-10 of Salmon et al.,
"Parallel random numbers: as easy as 1, 2, 3" (SC 2011), and FNV-1a."""
import numpy as np

MULTIPLIERS, WEYL = (0xD2511F53, 0xCD9E8D57), (0x9E3779B9, 0xBB67AE85)
LOW = np.uint64(0xFFFFFFFF)


def philox(counter, key):
    """Ten rounds on arrays `counter[0..3]` of 32-bit words under the two words of `key`."""
    c = [np.asarray(word, np.uint64) & LOW for word in counter]
    for round_number in range(10):
        k = [np.uint64((word + round_number * step) & 0xFFFFFFFF) for word, step in zip(key, WEYL)]
        first, second = (np.uint64(factor) * word for factor, word in zip(MULTIPLIERS, (c[0], c[2])))
        c = [(second >> np.uint64(32)) ^ c[1] ^ k[0], second & LOW, (first >> np.uint64(32)) ^ c[3] ^ k[1], first & LOW]
    return c


def stream_of(name):
    """FNV-1a, 64 bits."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = ((value ^ byte) * 0x100000001B3) % 2**64
    return value


def uniform(seed, name, count):
    """Draws 0 .. count - 1: the upper 52 bits of two words, centered in their cell of (0, 1)."""
    index, stream = np.arange(count, dtype=np.uint64), stream_of(name)
    zeros = np.zeros(count, np.uint64)
    words = philox([index, index >> np.uint64(32), zeros + np.uint64(stream & 0xFFFFFFFF), zeros + np.uint64(stream >> 32)],
                   (seed & 0xFFFFFFFF, seed >> 32))
    bits = (words[0] << np.uint64(20)) ^ (words[1] >> np.uint64(12))
    return (bits.astype(np.float64) + 0.5) * 2.0**-52


def dropout(x, seed, name, probability):
    """What tpc.dropout computes, in x's type."""
    kept = uniform(seed, name, x.size).reshape(x.shape) >= probability
    return np.where(kept, x.astype(np.float64) / (1 - probability), 0).astype(x.dtype)
