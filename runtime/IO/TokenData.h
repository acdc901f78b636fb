// Token data sets: text files as bytes, or arrays of little-endian token numbers.
#ifndef TPC_RUNTIME_IO_TOKENDATA_H
#define TPC_RUNTIME_IO_TOKENDATA_H

#include "IO/MappedFile.h"
#include <cstdint>
#include <string>

namespace tpc::runtime {

enum class TokenWidth { Byte = 1, U16 = 2, U32 = 4 };

/// A mapped file cut into sequences of S tokens. Sequence i has inputs [i*S, i*S + S) and the
/// targets one later; numbers beyond the last sequence start over.
class TokenData {
public:
  /// `dtype` is "u16" or "u32" and matters for .bin files. Throws Error: missing, empty, unknown
  /// ending, too short for one sequence, of the other width by its looks, a token that is not
  /// below `vocabulary`.
  TokenData(const std::string &path, const std::string &dtype, int64_t sequence,
            int64_t vocabulary);

  int64_t tokens() const { return count; }
  int64_t sequences() const { return (count - 1) / sequence; }
  const std::string &path() const { return file.path(); }

  /// Copies `size` tokens of sequence `number` (wrapped) from column `column`; the targets with
  /// `shift` 1. Throws Error naming the position of a token outside the vocabulary.
  void read(int64_t number, int64_t column, int64_t size, int shift, int32_t *out) const;
  /// The same without wrapping: what is beyond the last token becomes `fill`.
  void readOnce(int64_t number, int64_t column, int64_t size, int shift, int32_t fill,
                int32_t *out) const;
  /// Sequences for readOnce() that have a target, the last one perhaps not in all places.
  int64_t sequencesWithRest() const { return (count - 2) / sequence + 1; }

  /// How often the data has been gone through once sequence `number` is reached.
  int64_t epoch(int64_t number) const { return number / sequences(); }

  /// A digest of the file's size and of the tokens of the first `sequences` sequences with their
  /// targets, all tokens if the file has no more. Reads them all.
  uint64_t digest(int64_t sequences) const;

private:
  int64_t token(int64_t position) const;
  void checkWidth() const;
  bool looksLikeU32() const;
  bool looksLikeU16() const;
  void checkRange(int64_t begin, int64_t end) const;

  MappedFile file;
  TokenWidth width;
  int64_t sequence, vocabulary, count;
};

} // namespace tpc::runtime

#endif
